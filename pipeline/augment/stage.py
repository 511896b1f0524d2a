"""augment: settle the augmentation policy, show it and time it.

In: the data stage's folder. Out: policy.json, preview.png; throughput in run.json.
Run: python -m pipeline run augment --exp digits
"""

from __future__ import annotations

import time
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
    draw_lines,
    picture,
    show_image,
    span,
    strips,
    vocabulary,
    words_of,
)
from pipeline.data.spec import TaskSpec
from pipeline.engine.stage import Inputs

EXAMPLES = 8
VERSIONS = 6
TIMED = 50  # batches


def run(params: AugmentParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Check that the policy fits the data, draw it, time it."""
    data = read_data(inputs["data"])
    policy = Policy(params.policy, inputs.seed)
    check_policy(policy.steps, data.spec)
    write_policy(out, policy)
    train = data.train()
    examples = data.spec.to_input(np.asarray(train.x[:EXAMPLES]))
    columns = [examples, *versions(policy, examples)]
    if data.spec.modality == "text":
        _draw_texts(out / "preview.png", columns, vocabulary(data))
    else:
        _drawn(out / "preview.png", columns, data.spec)
    inputs.volatile["images_per_second"] = round(throughput(policy, examples))
    return {"headline": str(policy) or "no augmentation", "steps": len(policy.steps)}


def _drawn(path: Path, columns: list[np.ndarray], spec: TaskSpec) -> None:
    """Originals and versions; of a table the changes, which would not be seen else."""
    original, *others = columns
    ends = span(original, spec)
    if spec.modality != "table":
        draw_preview(path, [picture(column, spec, ends) for column in columns])
        return
    changes = [other - original for other in others]
    most = max(float(np.abs(changes).max()), 1e-6)
    shown = [
        picture(original, spec, ends),
        *(strips(change, most) for change in changes),
    ]
    draw_preview(
        path, shown, f"epochs show changes; the darkest is {most:.2g} deviations"
    )


def versions(policy: Policy, examples: np.ndarray) -> list[np.ndarray]:
    """The examples as augmented in each of the first epochs."""
    index = tf.range(len(examples), dtype=tf.int64)
    step = augment_all(policy, tf.constant(examples))
    return [step(tf.constant(epoch), index).numpy() for epoch in range(VERSIONS)]


def augment_all(policy: Policy, examples: tf.Tensor):
    """`step(epoch, index)` on examples of which each may be mixed with any other."""

    def fetch(index: tf.Tensor) -> Pair:
        return tf.gather(examples, index), tf.zeros([tf.shape(index)[0], 1])

    return lambda epoch, index: policy.mixed(fetch, epoch, index, len(examples))[0]


def draw_preview(path: Path, columns: list[np.ndarray], note: str = "") -> None:
    """Originals in the first column, one augmented version an epoch beside them.

    Args:
        note: stands below.
    """
    count = len(columns[0])
    figure = Figure(figsize=(0.8 * len(columns), 0.8 * count), layout="constrained")
    grid = figure.subplots(count, len(columns), squeeze=False)
    for column, shown in enumerate(columns):
        for row, image in enumerate(shown):
            show_image(grid[row, column], image)
            grid[row, column].set_axis_off()
        name = f"epoch {column}" if column else "original"
        grid[0, column].set_title(name, fontsize=8)
    figure.supxlabel(note, fontsize=8)
    figure.savefig(path, dpi=80)


def _draw_texts(path: Path, columns: list[np.ndarray], words: tuple[str, ...]) -> None:
    lines = []
    for text, *others in zip(*columns):
        changed = [f"      {words_of(other, words)}" for other in others[:2]]
        lines += [words_of(text, words), *changed]
    draw_lines(path, lines)


def throughput(policy: Policy, examples: np.ndarray, batch: int = 64) -> float:
    """Examples a second through the policy alone, compiled, in batches."""
    repeated = np.resize(examples, (batch, *examples.shape[1:]))
    index = tf.range(batch, dtype=tf.int64)
    augment = augment_all(policy, tf.constant(repeated))
    step = tf.function(lambda epoch: augment(epoch, index))
    step(tf.constant(0))
    begin = time.perf_counter()
    for epoch in range(TIMED):
        step(tf.constant(epoch))
    return TIMED * batch / (time.perf_counter() - begin)
