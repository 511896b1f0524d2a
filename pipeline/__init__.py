"""From a data set to the smallest Keras model that meets its accuracy budget.

    import pipeline

    session = pipeline.load_experiment("experiments/digits", train={"epochs": 3})
    session.run()
    print(session.results()["chosen"])

    budget = {"max_drop": 0.01}
    result = pipeline.compress_model("net.keras", "npz:mine.npz", budget=budget)
    rows = pipeline.predict("experiments/digits", "seven.png")

Names are imported when they are first used, so `import pipeline` is fast and imports
no TensorFlow.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

# Public name -> its module. A text, so that no stage's fingerprint depends on them.
_MODULES = {
    "CompressionResult": "pipeline.experiment.compress_model",
    "Session": "pipeline.experiment.session",
    "StageFailed": "pipeline.core.errors",
    "TorchModel": "pipeline.compress.import_model.pytorch.torch_model",
    "UserError": "pipeline.core.errors",
    "compress_model": "pipeline.experiment.compress_model",
    "load_experiment": "pipeline.experiment.session",
    "predict": "pipeline.inference.predict",
}
__all__ = [*_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
