"""Keys of the experiment file that only tasks with class targets have a use for."""

ONLY_CLASSES = "is for classification"
CLASS_KEYS = dict.fromkeys(
    (
        *("data.labels.noise", "data.labels.label_errors", "data.balance"),
        *("train.label_smoothing", "train.pseudo_labels"),
        *("distill.label_smoothing", "distill.imitation"),
        *("distill.temperature", "distill.temperature_end"),
        *("compress.label_smoothing", "compress.temperature"),
    ),
    ONLY_CLASSES,
)
