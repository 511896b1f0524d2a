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
from pipeline.augment.params import AugmentParams
from pipeline.augment.policy import Policy
from pipeline.data.artifact import read_data
from pipeline.data.preview import show_image
from pipeline.data.spec import TaskSpec
from pipeline.engine.errors import UserError
from pipeline.engine.stage import Inputs

EXAMPLES = 8
VERSIONS = 6
TIMED = 50  # batches


def run(params: AugmentParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Check that the policy fits the data, draw it, time it."""
    data = read_data(inputs["data"])
    _check(params.policy, data.spec)
    policy = Policy(params.policy, inputs.seed)
    write_policy(out, policy)
    images = data.spec.to_input(data.train().x[:EXAMPLES])
    draw_preview(out / "preview.png", policy, images)
    inputs.volatile["images_per_second"] = round(throughput(policy, images))
    return {"headline": str(policy) or "no augmentation", "steps": len(policy.steps)}


def _check(pipe: str, spec: TaskSpec) -> None:
    if pipe and (spec.modality != "image" or len(spec.shape) != 3):
        raise UserError(
            f'augment.policy "{pipe}": needs images of (height, width, channels); '
            f"{spec.source} has {spec.modality} of {spec.shape}"
        )


def draw_preview(path: Path, policy: Policy, images: np.ndarray) -> None:
    """Originals in the first column, one augmented version an epoch beside them."""
    figure = Figure(
        figsize=(0.8 * (VERSIONS + 1), 0.8 * len(images)), layout="constrained"
    )
    grid = figure.subplots(len(images), VERSIONS + 1, squeeze=False)
    index = tf.range(len(images), dtype=tf.int64)
    columns = [images] + [
        policy(tf.constant(images), tf.constant(epoch), index).numpy()
        for epoch in range(VERSIONS)
    ]
    for column, shown in enumerate(columns):
        for row, image in enumerate(shown):
            show_image(grid[row, column], image)
            grid[row, column].set_axis_off()
    figure.savefig(path, dpi=80)


def throughput(policy: Policy, images: np.ndarray, batch: int = 64) -> float:
    """Images a second through the policy alone, compiled, in batches."""
    repeated = np.resize(images, (batch, *images.shape[1:]))
    index = tf.range(batch, dtype=tf.int64)
    step = tf.function(lambda epoch: policy(tf.constant(repeated), epoch, index))
    step(tf.constant(0))
    begin = time.perf_counter()
    for epoch in range(TIMED):
        step(tf.constant(epoch))
    return TIMED * batch / (time.perf_counter() - begin)
