"""augment: check the augmentation policy against the data, draw it and time it.

In: the data stage's folder. Out: policy.json, preview.png; throughput in run.json.
Run: python -m pipeline run augment --exp digits
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from pipeline.augment.artifact import write_policy
from pipeline.augment.check import check_policy
from pipeline.augment.mixing import Pair
from pipeline.augment.params import AugmentParams
from pipeline.augment.policy import Policy
from pipeline.data.artifact import read_data
from pipeline.data.preview import (
    TextReader,
    draw_lines,
    picture,
    show_image,
    span,
    strips,
    text_reader,
)
from pipeline.data.spec import TaskSpec
from pipeline.engine.stage import Inputs
from pipeline.tasks.overlay import Overlay, overlay_of
from pipeline.tasks.registry import task_of
from pipeline.tasks.targets import IGNORED

EXAMPLES = 8  # rows of the preview
VERSIONS = 6  # epochs in the preview
TEXT_VERSIONS = 2
CELL = 0.8  # inches
TIMED_BATCHES = 50

AugmentStep = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def run(params: AugmentParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Run the stage.

    Args:
        params: the section `augment` of the experiment.
        inputs: folders of the stages read, and the seed.
        out: folder for the results.

    Returns:
        The metrics of run.json: `headline` and the number of `steps`.

    Raises:
        UserError: for a policy that does not fit the data.
    """
    data = read_data(inputs["data"])
    policy = Policy(params.policy, inputs.seed)
    check_policy(policy.steps, data.spec)
    write_policy(out, policy)
    train = data.train()
    examples = data.spec.to_input(np.asarray(train.x[:EXAMPLES]))
    columns = [examples, *augmented_versions(policy, examples)]
    overlay = overlay_of(data.spec)
    if overlay is not None:
        moved = moved_targets(policy, examples, train.y[:EXAMPLES], data.spec)
        _draw_maps(out / "preview.png", columns, moved, overlay, data.spec)
    elif data.spec.modality == "text":
        _draw_texts(out / "preview.png", columns, text_reader(data))
    else:
        _draw_arrays(out / "preview.png", columns, data.spec)
    inputs.volatile["images_per_second"] = round(throughput(policy, examples))
    return {"headline": str(policy) or "no augmentation", "steps": len(policy.steps)}


def _draw_arrays(path: Path, columns: list[np.ndarray], spec: TaskSpec) -> None:
    """Draw originals and versions; for tables the changes, which would be invisible."""
    original, *versions = columns
    ends = span(original, spec)
    if spec.modality not in ("table", "series"):
        draw_preview(path, [picture(column, spec, ends) for column in columns])
        return
    changes = [version - original for version in versions]
    largest = max(float(np.abs(changes).max()), 1e-6)
    images = [picture(original, spec, ends)]
    images += [strips(change, largest) for change in changes]
    note = f"epochs show changes; the darkest is {largest:.2g} standard deviations"
    draw_preview(path, images, note)


def augmented_versions(policy: Policy, examples: np.ndarray) -> list[np.ndarray]:
    """Augment examples as in the first epochs.

    Args:
        policy: to apply.
        examples: model inputs, `(n, ...)`, at positions 0 .. n - 1.

    Returns:
        An array like `examples` per epoch, for `VERSIONS` epochs.
    """
    index = tf.range(len(examples), dtype=tf.int64)
    step = augment_step(policy, tf.constant(examples))
    return [step(tf.constant(epoch), index).numpy() for epoch in range(VERSIONS)]


def moved_targets(
    policy: Policy, examples: np.ndarray, targets: np.ndarray, spec: TaskSpec
) -> list[np.ndarray]:
    """Return the original maps or boxes, and those of `augmented_versions`.

    Args:
        policy: to apply.
        examples: model inputs, `(n, height, width, channels)`.
        targets: maps, `(n, height, width)`, boxes, `(n, boxes, 5)`, or clean images.
        spec: signature of the data.
    """
    index = tf.range(len(examples), dtype=tf.int64)
    x, y = tf.constant(examples), tf.constant(targets)
    epochs = [tf.constant(epoch) for epoch in range(VERSIONS)]
    if task_of(spec).degrades:
        clean = tf.cast(y, tf.float32)
        moved = [policy(clean, epoch, index) for epoch in epochs]
    elif task_of(spec).has_boxes:
        moved = [policy.with_boxes(x, y, epoch, index)[1] for epoch in epochs]
    else:
        moved = [policy.paired(x, y, epoch, index, IGNORED)[1] for epoch in epochs]
    return [targets, *(version.numpy() for version in moved)]


def augment_step(policy: Policy, examples: tf.Tensor) -> AugmentStep:
    """Return a function that augments examples, which may be mixed with each other.

    Args:
        policy: to apply.
        examples: model inputs, `(n, ...)`.

    Returns:
        A function from a scalar epoch and positions `(batch,)` to the inputs
        `(batch, ...)`.
    """

    def fetch(index: tf.Tensor) -> Pair:
        return tf.gather(examples, index), tf.zeros([tf.shape(index)[0], 1])

    return lambda epoch, index: policy.mixed(fetch, epoch, index, len(examples))[0]


def _draw_maps(
    path: Path,
    columns: list[np.ndarray],
    maps: list[np.ndarray],
    overlay: Overlay,
    spec: TaskSpec,
) -> None:
    """Draw originals and versions, and below them the same images with targets."""
    ends, half = span(columns[0], spec), max(1, len(columns[0]) // 2)
    images: list[Sequence[np.ndarray]] = []
    for column, targets in zip(columns, maps):
        shown = picture(column[:half], spec, ends)
        color = np.broadcast_to(shown, (*shown.shape[:3], 3))
        images.append([*color, *overlay(shown, targets[:half])])
    draw_preview(path, images, "lower half: the same images with their targets")


def draw_preview(
    path: Path, columns: Sequence[Sequence[np.ndarray] | np.ndarray], note: str = ""
) -> None:
    """Draw the originals in the first column, and one version per epoch beside them.

    Args:
        path: of the PNG file.
        columns: images of 0 .. 1, each a sequence of `(height, width, channels)`.
        note: text below the grid.
    """
    count = len(columns[0])
    size = (CELL * len(columns), CELL * count)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(count, len(columns), squeeze=False)
    for column, images in enumerate(columns):
        for row, image in enumerate(images):
            show_image(grid[row, column], image)
            grid[row, column].set_axis_off()
        name = f"epoch {column}" if column else "original"
        grid[0, column].set_title(name, fontsize=8)
    figure.supxlabel(note, fontsize=8)
    figure.savefig(path, dpi=80)


def _draw_texts(path: Path, columns: list[np.ndarray], read: TextReader) -> None:
    lines = []
    for original, *versions in zip(*columns):
        lines.append(read(original))
        for version in versions[:TEXT_VERSIONS]:
            lines.append(f"      {read(version)}")
    draw_lines(path, lines)


def throughput(policy: Policy, examples: np.ndarray, batch: int = 64) -> float:
    """Measure the speed of the compiled policy alone, without reading data.

    Args:
        policy: to apply.
        examples: model inputs, `(n, ...)`, repeated to fill a batch.
        batch: examples per call.

    Returns:
        Examples per second.
    """
    repeated = np.resize(examples, (batch, *examples.shape[1:]))
    index = tf.range(batch, dtype=tf.int64)
    augment = augment_step(policy, tf.constant(repeated))
    step = tf.function(lambda epoch: augment(epoch, index))
    step(tf.constant(0))
    begin = time.perf_counter()
    for epoch in range(TIMED_BATCHES):
        step(tf.constant(epoch))
    return TIMED_BATCHES * batch / (time.perf_counter() - begin)
