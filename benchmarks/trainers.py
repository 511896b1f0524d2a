"""`compress.trainer: native` against `tfmot`: same trained model, recipes and epochs.

In: the digits of scikit-learn, and the builder `cnn` with its defaults, trained on
them. Out: for each recipe and trainer, accuracy on 597 test images over the seeds
(mean, standard deviation), bytes after gzip, wall and processor seconds of fine-tuning
and export, and their ratio. Trainers alternate; a warm-up of one epoch comes first.
Run: make bench-compress     (python -m benchmarks.trainers [--seeds 3] [--epochs 12])
"""

from __future__ import annotations

import os

from pipeline.core.determinism import pins

os.environ.update(pins(1, "native"))

import argparse
import time
from dataclasses import dataclass

import keras
import numpy as np

from benchmarks.compress import SEED, SPEC, accuracy, splits
from pipeline.compress.build_variant import BUILDERS
from pipeline.compress.grammar import parse_recipe
from pipeline.compress.tflite.inspect import gzip_size
from pipeline.compress.tflite.strip import strip
from pipeline.compress.tfmot.fine_tuning import FineTuning
from pipeline.models import registry
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings

RECIPES = ("qat", "prune(0.6) | pqat", "quantize_weights(3) | cqat")


@dataclass(frozen=True)
class Measurement:
    """One build: accuracy, bytes after gzip, wall and processor seconds."""

    accuracy: float
    size: int
    wall: float
    processor: float


def main() -> None:
    """Train one model, compress it with both trainers, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    model = trained()
    for trainer in BUILDERS:
        measure(model, trainer, "qat", 1, 1)
    for recipe in RECIPES:
        results: dict[str, list[Measurement]] = {trainer: [] for trainer in BUILDERS}
        for seed in range(1, options.seeds + 1):
            for trainer in BUILDERS:
                row = measure(model, trainer, recipe, seed, options.epochs)
                results[trainer].append(row)
        report(recipe, results)


def trained() -> keras.Model:
    """Train the builder `cnn`."""
    train, validation, _ = splits()
    model = registry.build("cnn", {}, SPEC, SEED)
    data = FitData(SPEC, train, validation)
    fit(model, data, FitSettings(epochs=30), FitContext(SEED))
    return model


def measure(
    model: keras.Model, trainer: str, recipe: str, seed: int, epochs: int
) -> Measurement:
    """Build one file and measure it."""
    train, validation, test = splits()
    settings = FitSettings(epochs=epochs)
    tuning = FineTuning(SPEC, train, validation, settings, None, seed)
    examples = SPEC.to_input(train.x[:200])
    wall, processor = time.monotonic(), time.process_time()
    built = BUILDERS[trainer](model, parse_recipe(recipe), tuning, examples)
    wall, processor = time.monotonic() - wall, time.process_time() - processor
    content = strip(built.content)
    return Measurement(accuracy(content, test), gzip_size(content), wall, processor)


def report(recipe: str, results: dict[str, list[Measurement]]) -> None:
    """Print the lines of one recipe."""
    for trainer, rows in results.items():
        values = [row.accuracy for row in rows]
        print(
            f"{recipe:28s} {trainer:7s} {np.mean(values):.4f} ± {np.std(values):.4f}  "
            f"{np.mean([r.size for r in rows]):9,.0f} bytes gzip  "
            f"{np.mean([r.wall for r in rows]):6.1f} s wall  "
            f"{np.mean([r.processor for r in rows]):6.1f} s processor",
            flush=True,
        )
    walls, processors = (
        {t: np.mean([getattr(r, name) for r in rows]) for t, rows in results.items()}
        for name in ("wall", "processor")
    )
    print(
        f"{recipe:28s} native / tfmot: {walls['native'] / walls['tfmot']:.2f} of the "
        f"wall time, {processors['native'] / processors['tfmot']:.2f} of the processor "
        "time",
        flush=True,
    )


if __name__ == "__main__":
    main()
