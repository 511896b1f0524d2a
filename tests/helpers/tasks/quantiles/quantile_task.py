"""A user's own task: three quantiles of a number, scored by the pinball loss.

Koenker, Bassett, Regression Quantiles, 1978. The lower the loss, the better.
"""

from dataclasses import replace

from pipeline.metrics.metric import Metric
from pipeline.tasks.regression.task import TASK as REGRESSION

TASK = replace(
    REGRESSION,
    name="quantile_task:TASK",
    title="quantile regression",
    metric=Metric("pinball", "pinball loss", lowest=0.0, higher_is_better=False),
    losses=("pinball",),
    default_loss="pinball",
    units=3,
    parts={
        **REGRESSION.parts,
        "metric": "quantile_metric:METRIC",
        "training": "quantile_training:TRAINING",
        "evaluation": "quantile_evaluation:EVALUATION",
        "prediction": "quantile_prediction:PREDICTION",
        "report": "quantile_report:REPORT",
    },
)
