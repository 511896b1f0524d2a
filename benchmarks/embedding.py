"""An embedding trained by a plain Keras script, against the train stage.

In: a finished train stage of an experiment with `data.task: embedding`. Out: one-shot
recall@1 and equal error rate on its test split, whose classes are unseen, after each
quarter of the processor time, of the same network: `model.fit` with Adam and
cross-entropy of the training classes on a dense layer that is dropped, without
augmentation. Also those of the train stage's model, of its raw inputs, and of the files
of its compress stage.
Run: make bench-embedding
(python -m benchmarks.embedding --exp speakers --cpu-seconds 120)
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np

from benchmarks.plain_script import SEED, train_within
from pipeline.core.json_io import read_json
from pipeline.data.artifact import Split, read_data
from pipeline.data.spec import TaskSpec
from pipeline.data.test_split import held_out_split
from pipeline.inference.batch_interpreter import BatchModel
from pipeline.models import registry
from pipeline.models.files import load_model
from pipeline.tasks.metric import metric_of
from pipeline.train.artifact import read_architecture
from pipeline.training.floor_check import predict

BATCH, REPORTS = 64, 4


def main() -> None:
    """Print the metrics of inputs, files and model, then train the plain script."""
    arguments = _arguments()
    folder = Path("experiments") / arguments.exp
    data, test = read_data(folder / "data"), held_out_split(folder / "data")
    spec = data.spec
    report("raw inputs", spec.to_input(np.asarray(test.x)), spec, test)
    trained = read_architecture(folder / "train")
    own = load_model(folder / "train" / "model.keras")
    report("train stage", predict(own, test.x, spec), spec, test)
    _report_files(folder / "compress", spec, test)
    model = registry.build(trained.builder, trained.values, spec, SEED)
    print(f"plain Keras script, {model.count_params():,} parameters")
    train(model, data.train(), spec, test, arguments.cpu_seconds)


def _report_files(folder: Path, spec: TaskSpec, test: Split) -> None:
    if not (folder / "pareto.json").is_file():
        return
    points = read_json(folder / "pareto.json")["points"]
    for point in points:
        if point["file"]:
            outputs = BatchModel(folder / point["file"], spec).logits(test.x)
            size = f"{point['bytes_flash'] / 1000:.1f} kB"
            report(f"{point['id']}, {size}", outputs, spec, test)


def train(
    model: keras.Model, split: Split, spec: TaskSpec, test: Split, budget: float
) -> None:
    """Fit epoch by epoch until the processor time is over.

    Args:
        model: an untrained network that returns vectors.
        split: the training split.
        spec: signature of the data.
        test: the test split.
        budget: processor time in seconds, without the evaluations.
    """
    classes, y = np.unique(split.y, return_inverse=True)
    logits = keras.layers.Dense(len(classes), name="classes")(model.outputs[0])
    classifier = keras.Model(model.inputs, logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(2e-3), loss)
    x = spec.to_input(np.asarray(split.x))

    def line(used: float, epoch: int) -> None:
        outputs = predict(model, test.x, spec)
        report(f"{used:.0f} s, epoch {epoch}", outputs, spec, test)

    train_within(budget, lambda: classifier.fit(x, y, BATCH, verbose=0), line, REPORTS)


def report(name: str, outputs: np.ndarray, spec: TaskSpec, test: Split) -> None:
    """Print the metrics of outputs on the test split.

    Args:
        name: of the line.
        outputs: of a model, `(n, ...)`.
        spec: signature of the data.
        test: the test split.
    """
    metric = metric_of(spec)
    evidence = metric.evidence(outputs, test.x, test.y)
    low, high = metric.interval(evidence, test.y, 500, SEED) or (np.nan, np.nan)
    others = [
        f"{other.metric.name} {other.value(evidence, test.y):.3f}"
        for other in metric.others.values()
    ]
    value = metric.value(evidence, test.y)
    text = f"{metric.metric.name} {value:.3f} ({low:.3f} to {high:.3f})"
    print(f"{name:<28} {', '.join([text, *others])}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exp", default="speakers")
    parser.add_argument("--cpu-seconds", type=float, default=120.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
