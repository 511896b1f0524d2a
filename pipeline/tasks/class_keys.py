"""Keys of the experiment file that apply to tasks with class targets only."""

ONLY_CLASSES = "is for classification"
CLASS_KEYS = dict.fromkeys(
    (
        *("data.labels.noise", "data.labels.label_errors", "data.balance"),
        *("data.merge_classes", "data.audio.background"),
        *("train.label_smoothing", "train.pseudo_labels"),
        *("distill.label_smoothing", "distill.distillation_loss"),
        *("distill.temperature", "distill.temperature_end"),
        *("compress.label_smoothing", "compress.temperature"),
    ),
    ONLY_CLASSES,
)
