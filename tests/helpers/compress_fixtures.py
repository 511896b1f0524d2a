"""A tiny real task: 8x8 images with a bright corner, and models that learn it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec, write_spec

SPEC = TaskSpec("corners", "toy:corners", (8, 8, 1), "uint8", ("a", "b", "c"), 1 / 255)


def corners(count: int, seed: int) -> Split:
    """Noise, with a brighter corner that tells the class."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 3, count)
    x = generator.integers(0, 120, (count, 8, 8, 1))
    for example, label in zip(x, y, strict=True):
        row, column = divmod(int(label), 2)
        example[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 100
    return Split(x.astype(np.uint8), y)


@pytest.fixture(scope="session")
def spec() -> TaskSpec:
    """Signature of the task."""
    return SPEC


@pytest.fixture(scope="session")
def train() -> Split:
    """192 examples."""
    return corners(192, 1)


@pytest.fixture(scope="session")
def validation() -> Split:
    """96 other examples."""
    return corners(96, 2)


@pytest.fixture(scope="session")
def small_net():
    """A trained Keras 3 model with convolution, normalization, dense, dropout."""
    import keras
    from keras import layers

    from pipeline.training.context import FitContext, FitData
    from pipeline.training.loop import fit
    from pipeline.training.params import FitSettings

    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(8, 3, use_bias=False, name="conv")(image)
    x = layers.BatchNormalization(momentum=0.8, name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(14, activation="relu", name="dense")(x)
    x = layers.Dropout(0.1, name="dropout")(x)
    model = keras.Model(image, layers.Dense(3, name="logits")(x), name="small")
    settings = FitSettings(epochs=4, learning_rate=5e-3)
    fit(model, FitData(SPEC, corners(192, 1), corners(96, 2)), settings, FitContext(1))
    return model


def one_dimensional():
    """A student whose weights are all in layers that tfmot cannot quantize."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(2)
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Reshape((8, 8), name="rows")(image)
    x = layers.Conv1D(3, 8, name="conv")(x)
    return keras.Model(image, layers.Flatten(name="logits")(x), name="student")


@pytest.fixture(scope="session")
def folders(tmp_path_factory, small_net, spec, train, validation) -> Path:
    """The published folders that compress reads; read only."""
    from pipeline.augment.artifact import write_policy
    from pipeline.augment.policy import Policy
    from pipeline.models.files import save_model
    from pipeline.train.artifact import Architecture, write_architecture

    root = tmp_path_factory.mktemp("folders")
    for name in ("data", "augment", "train", "distill"):
        (root / name).mkdir()
    write_spec(root / "data", spec)
    for name, split in {"train": train, "validation": validation}.items():
        np.save(root / "data" / f"{name}_x.npy", split.x)
        np.save(root / "data" / f"{name}_y.npy", split.y)
    np.savez(root / "data" / "splits.npz", calibration=np.arange(50))
    write_policy(root / "augment", Policy("shift(1)", seed=1))
    save_model(small_net, root / "train" / "model.keras")
    write_architecture(root / "train", Architecture("cnn", {}, 0))
    save_model(one_dimensional(), root / "distill" / "student.keras")
    return root


@pytest.fixture
def tuning(train: Split, validation: Split):
    """Two epochs of fine-tuning, in the way of the stage."""
    from pipeline.compress.tfmot.fine_tuning import FineTuning
    from pipeline.training.params import FitSettings

    settings = FitSettings(epochs=2, learning_rate=2e-3)
    return FineTuning(SPEC, train, validation, settings, None, seed=7)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes bytes as a file and gives its path."""

    def write(content: bytes) -> Path:
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        return path

    return write
