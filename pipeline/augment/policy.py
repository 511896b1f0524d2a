"""A policy applied to batches of examples, the same whatever the parallelism.

    policy = Policy("shift(1) | rotate(8)", seed=7)
    policy(images, epoch, index)      # inside tf.data's map, in TensorFlow's graph

What a step draws is a function of (seed, epoch, example). A policy that mixes
examples needs to fetch partners from the whole split: see `mixed`.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from pipeline.augment.draws import Draw
from pipeline.augment.geometry import GEOMETRIC, Canvas
from pipeline.augment.grammar import GRAMMAR, MIXING
from pipeline.augment.mixing import MIXERS, Pair
from pipeline.augment.pixels import PIXELWISE
from pipeline.augment.signals import SIGNALS
from pipeline.core.determinism import derive_seed
from pipeline.core.pipe_language import Step, parse_pipe, str_pipe

Fetch = Callable[[tf.Tensor], Pair]


class Policy:
    """A parsed pipe of augmentation steps.

    Args:
        pipe: see `pipeline.augment.grammar`; empty leaves examples as they are.
        seed: draws are a function of it, the epoch and the example.
    """

    def __init__(self, pipe: str, seed: int):
        self.steps = parse_pipe(pipe, GRAMMAR)
        self.seed = seed

    def __str__(self) -> str:
        return str_pipe(self.steps)

    @property
    def mixes(self) -> bool:
        """Whether labels become probabilities."""
        return any(step.name in MIXING for step in self.steps)

    def __call__(self, x: tf.Tensor, epoch: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        """Augment a batch, by a policy that does not mix examples.

        Args:
            x: model inputs, `(batch, ...)`, as `TaskSpec.to_input` gives them.
            epoch: scalar; each epoch has draws of its own.
            index: positions in the training split, `(batch,)`.
        """
        if self.mixes:
            raise ValueError(f'"{self}" mixes examples: use Policy.mixed')
        return self._run(range(len(self.steps)), x, epoch, index)

    def mixed(
        self, fetch: Fetch, epoch: tf.Tensor, index: tf.Tensor, count: int
    ) -> Pair:
        """Augment a batch by any policy; labels are probabilities.

        Args:
            fetch: positions in the training split, `(batch,)` -> model inputs and
                labels, `(batch, classes)` float32.
            count: examples in the split.
        """
        return self._upto(len(self.steps), fetch, epoch, index, count)

    def _upto(
        self, end: int, fetch: Fetch, epoch: tf.Tensor, index: tf.Tensor, count: int
    ) -> Pair:
        """The batch after the first `end` steps; both halves of a mix go through
        the steps before it, each with the draws of its own example."""
        mixers = [at for at in range(end) if self.steps[at].name in MIXING]
        if not mixers:
            x, y = fetch(index)
            return self._run(range(end), x, epoch, index), y
        at, step = mixers[-1], self.steps[mixers[-1]]
        draw = self._draw(at, epoch, index)
        partner = tf.cast(draw.below("partner", count), index.dtype)
        one = self._upto(at, fetch, epoch, index, count)
        other = self._upto(at, fetch, epoch, partner, count)
        x, y = MIXERS[step.name](one, other, draw, **step.args)
        return self._run(range(at + 1, end), x, epoch, index), y

    def _run(
        self, places: range, x: tf.Tensor, epoch: tf.Tensor, index: tf.Tensor
    ) -> tf.Tensor:
        canvas = Canvas(x)
        for at in places:
            _apply(self.steps[at], canvas, self._draw(at, epoch, index))
        return canvas.pixels()

    def _draw(self, at: int, epoch: tf.Tensor, index: tf.Tensor) -> Draw:
        return Draw(derive_seed(self.seed, at, self.steps[at].name), epoch, index)


def _apply(step: Step, canvas: Canvas, draw: Draw) -> None:
    if step.name == "randaugment":
        _randaugment(canvas, draw, **step.args)
    elif step.name in GEOMETRIC:
        GEOMETRIC[step.name](canvas, draw, **step.args)
    else:
        change = {**PIXELWISE, **SIGNALS}[step.name]
        canvas.replace(change(canvas.pixels(), draw, **step.args))


def _randaugment(canvas: Canvas, draw: Draw, count: int, magnitude: float) -> None:
    """Every step is done, with strength 0 for the examples that did not draw it.

    After Cubuk et al., RandAugment, 2020, on steps that are the identity at strength 0:
    eight of them, seven for grey images. Unlike there, the strength is drawn as each
    step draws it, a step that is picked twice is done once, and steps that move
    pixels come first, so that they are one resampling.
    """
    steps = _random_steps(canvas, magnitude)
    picks = [draw.below(f"pick {turn}", len(steps)) for turn in range(count)]
    for number, step in enumerate(steps):
        hits = tf.stack([tf.equal(pick, number) for pick in picks])
        gate = tf.cast(tf.reduce_any(hits, axis=0), tf.float32)
        seed = derive_seed(draw.seed, step.name)
        _apply(step, canvas, Draw(seed, draw.epoch, draw.index, gate))


def _random_steps(canvas: Canvas, magnitude: float) -> list[Step]:
    strongest = {
        "shift": {"pixels": 0.3 * min(canvas.size())},
        "rotate": {"degrees": 30.0},
        "zoom": {"fraction": 0.5},
        "shear": {"degrees": 17.0},
        "brightness": {"delta": 0.5},
        "contrast": {"fraction": 0.9},
        "noise": {"amount": 0.3},
    }
    if canvas.x.shape[-1] == 3:
        strongest["saturation"] = {"fraction": 0.9}
    return [
        Step(name, {key: value * magnitude for key, value in args.items()})
        for name, args in strongest.items()
    ]
