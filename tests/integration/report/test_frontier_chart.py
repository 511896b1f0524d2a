from __future__ import annotations

import dataclasses

from pipeline.report.experiment_data import read_experiment
from pipeline.report.frontier_chart import frontier_chart
from pipeline.report.summary import summarize


def test_no_bar_reaches_past_a_perfect_value(published):
    experiment = read_experiment(published.folders)
    rows = [row | {"validation_drop_interval": [-0.5, 0.25]} for row in experiment.rows]
    experiment = dataclasses.replace(experiment, rows=rows)
    summary = summarize(experiment)
    start = summary["baseline"]["validation_accuracy"]
    for point in frontier_chart(experiment, summary).points:
        assert point.intervals["validation_accuracy"] == [start - 0.25, 1.0]
