"""Policy: which action to take in a state, learned in an environment."""

from pipeline.metrics.metric import Metric
from pipeline.tasks.class_keys import CLASS_KEYS, ONLY_CLASSES
from pipeline.tasks.task import Task, parts_in

EPISODES = (
    "is for examples that are drawn: data.environment has the number of steps and "
    "episodes"
)
ONE_SOURCE = "is not supported: an agent learns in one environment"
NO_LABELS = "is for labels: an agent learns from rewards"
NOT_HERE = "is not for learning in an environment"
SUPERVISED = ("phases", "ema_momentum", "swa")

TASK = Task(
    name="policy",
    title="a policy",
    metric=Metric("mean_return", "mean return"),
    labels="experience",
    target="numbers",
    output="action_values",
    losses=("kl", "huber", "mse"),
    default_loss="kl",
    builder="mlp",
    parts=parts_in("pipeline.tasks.policy", "floor"),
    not_applicable={
        **CLASS_KEYS,
        "data.classes": ONLY_CLASSES,
        "data.class_order": ONLY_CLASSES,
        "data.tokens": "is for token numbers",
        "data.split.group": EPISODES,
        "data.split.use_source_splits": EPISODES,
        "data.split_sources": ONE_SOURCE,
        "data.extend": ONE_SOURCE,
        "data.extra_targets": NO_LABELS,
        "data.duplicates": "would drop steps of an episode",
        "augment.policy": "changes stored examples, and an agent meets new ones",
        "tune.examples": NOT_HERE,
        "train.heads": NO_LABELS,
        "train.folds": NO_LABELS,
        "train.labelled": NO_LABELS,
        "train.pretrain": NO_LABELS,
        "train.devices": NOT_HERE,
        "train.precision": NOT_HERE,
        **{f"train.{key}": NOT_HERE for key in SUPERVISED},
        **{f"distill.{key}": NOT_HERE for key in SUPERVISED},
    },
    auxiliary_heads=False,
    attacks="they change labels",
    interactive=True,
)
