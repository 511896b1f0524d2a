"""An augmentation policy applied to batches, with draws that ignore parallelism.

    policy = Policy("shift(1) | rotate(8)", seed=7)
    policy(images, epoch, index)      # inside tf.data's map, in TensorFlow's graph

The draws of a step depend on (seed, epoch, example) only. A policy that mixes
examples fetches partners from the whole split, see `Policy.mixed`.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable

import tensorflow as tf

from pipeline.augment.audio import AUDIO_STEPS
from pipeline.augment.boxes import MovedBoxes
from pipeline.augment.draws import Draw
from pipeline.augment.geometry import GEOMETRY_STEPS, Canvas
from pipeline.augment.grammar import GRAMMAR, MIXING
from pipeline.augment.mixing import MIXING_STEPS, Pair
from pipeline.augment.pixels import PIXEL_STEPS
from pipeline.augment.table import TABLE_STEPS
from pipeline.augment.text import TEXT_STEPS
from pipeline.core.determinism import derive_seed
from pipeline.core.pipe_language import Step, parse_pipe, str_pipe

Fetch = Callable[[tf.Tensor], Pair]
VALUE_STEPS = ChainMap(PIXEL_STEPS, AUDIO_STEPS, TEXT_STEPS, TABLE_STEPS)
# RandAugment's steps at magnitude 1; `shift` is a fraction of the shorter side.
MAX_SHIFT = 0.3
STRONGEST = {
    "rotate": {"degrees": 30.0},
    "zoom": {"fraction": 0.5},
    "shear": {"degrees": 17.0},
    "brightness": {"delta": 0.5},
    "contrast": {"fraction": 0.9},
    "noise": {"amount": 0.3},
}
STRONGEST_COLOUR = {"saturation": {"fraction": 0.9}}


class Policy:
    """A parsed pipe of augmentation steps.

    Args:
        pipe: see `pipeline.augment.grammar`; empty for no augmentation.
        seed: of all draws.

    Raises:
        UserError: for a pipe that does not parse; names the step.
    """

    def __init__(self, pipe: str, seed: int):
        self.steps = parse_pipe(pipe, GRAMMAR)
        self.seed = seed

    def __str__(self) -> str:
        return str_pipe(self.steps)

    @property
    def mixes(self) -> bool:
        """True if a step mixes examples, so that labels become probabilities."""
        return any(step.name in MIXING for step in self.steps)

    def __call__(self, x: tf.Tensor, epoch: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        """Augment a batch by a policy that does not mix examples.

        Args:
            x: model inputs, `(batch, ...)`, as `TaskSpec.to_input` returns them.
            epoch: scalar integer; draws differ from epoch to epoch.
            index: positions in the training split, `(batch,)`.

        Returns:
            The augmented batch, in the shape of `x`.

        Raises:
            ValueError: for a policy that mixes examples.
        """
        if self.mixes:
            raise ValueError(f'"{self}" mixes examples: use Policy.mixed')
        return self._run(range(len(self.steps)), x, epoch, index)

    def paired(
        self,
        x: tf.Tensor,
        maps: tf.Tensor,
        epoch: tf.Tensor,
        index: tf.Tensor,
        outside: int = 0,
    ) -> Pair:
        """Augment images and the maps that belong to them, such as masks.

        Steps that move pixels move both, steps that change values the images alone.

        Args:
            x: model inputs, `(batch, height, width, channels)`.
            maps: targets of their size, `(batch, height, width)`.
            epoch: scalar integer; draws differ from epoch to epoch.
            index: positions in the training split, `(batch,)`.
            outside: value of maps where an image gets zeros; default 0.

        Returns:
            The augmented batch and maps, in the shapes of both.

        Raises:
            ValueError: for a policy that mixes examples.
        """
        if self.mixes:
            raise ValueError(f'"{self}" mixes examples, and maps cannot be mixed')
        canvas = Canvas(x, maps, outside)
        self._apply_all(canvas, range(len(self.steps)), epoch, index)
        return canvas.pixels(), canvas.moved_maps()

    def with_boxes(
        self, x: tf.Tensor, boxes: tf.Tensor, epoch: tf.Tensor, index: tf.Tensor
    ) -> Pair:
        """Augment images and the boxes of their objects.

        Steps that move pixels move both, steps that change values the images alone.

        Args:
            x: model inputs, `(batch, height, width, channels)`.
            boxes: see `pipeline.tasks.boxes`, `(batch, boxes, 5)`.
            epoch: scalar integer; draws differ from epoch to epoch.
            index: positions in the training split, `(batch,)`.

        Returns:
            The augmented batch and boxes, in the shapes of both.

        Raises:
            ValueError: for a policy that mixes examples.
        """
        if self.mixes:
            raise ValueError(f'"{self}" mixes examples, and boxes cannot be mixed')
        moved = MovedBoxes(boxes, (x.shape[1], x.shape[2]))
        canvas = Canvas(x, boxes=moved)
        self._apply_all(canvas, range(len(self.steps)), epoch, index)
        return canvas.pixels(), moved.clipped(canvas.size())

    def mixed(
        self, fetch: Fetch, epoch: tf.Tensor, index: tf.Tensor, count: int
    ) -> Pair:
        """Augment a batch by any policy, with labels as probabilities.

        Args:
            fetch: maps positions in the training split, `(batch,)`, to model inputs
                and labels, float32 `(batch, classes)`.
            epoch: scalar integer; draws differ from epoch to epoch.
            index: positions of the batch in the training split, `(batch,)`.
            count: examples in the split.

        Returns:
            The augmented inputs and labels of the batch.
        """
        return self._first_steps(len(self.steps), fetch, epoch, index, count)

    def _first_steps(
        self, end: int, fetch: Fetch, epoch: tf.Tensor, index: tf.Tensor, count: int
    ) -> Pair:
        """Apply the steps before `end`.

        Both examples of a mix first go through the steps before it, each with its own
        draws.
        """
        mixing = [n for n in range(end) if self.steps[n].name in MIXING]
        if not mixing:
            x, y = fetch(index)
            return self._run(range(end), x, epoch, index), y
        last = mixing[-1]
        draw = self._draw(last, epoch, index)
        others = tf.cast(draw.integer("partner", count), index.dtype)
        pair = self._first_steps(last, fetch, epoch, index, count)
        partner = self._first_steps(last, fetch, epoch, others, count)
        step = self.steps[last]
        x, y = MIXING_STEPS[step.name](pair, partner, draw, **step.args)
        return self._run(range(last + 1, end), x, epoch, index), y

    def _run(
        self, numbers: range, x: tf.Tensor, epoch: tf.Tensor, index: tf.Tensor
    ) -> tf.Tensor:
        canvas = Canvas(x)
        self._apply_all(canvas, numbers, epoch, index)
        return canvas.pixels()

    def _apply_all(
        self, canvas: Canvas, numbers: range, epoch: tf.Tensor, index: tf.Tensor
    ) -> None:
        for number in numbers:
            _apply(self.steps[number], canvas, self._draw(number, epoch, index))

    def _draw(self, number: int, epoch: tf.Tensor, index: tf.Tensor) -> Draw:
        seed = derive_seed(self.seed, number, self.steps[number].name)
        return Draw(seed, epoch, index)


def _randaugment(canvas: Canvas, draw: Draw, count: int, magnitude: float) -> None:
    """Apply every candidate step, at strength 0 where an example did not pick it.

    After Cubuk et al., RandAugment, 2020, with eight steps that are the identity at
    strength 0 (seven for gray images). Unlike the paper, a strength is drawn per
    example up to the magnitude, a step picked twice is applied once, and steps that
    move pixels come first, so that they are one resampling.
    """
    steps = _candidates(canvas, magnitude)
    picks = [draw.integer(f"pick {turn}", len(steps)) for turn in range(count)]
    for number, step in enumerate(steps):
        picked = tf.stack([tf.equal(pick, number) for pick in picks])
        gate = tf.cast(tf.reduce_any(picked, axis=0), tf.float32)
        seed = derive_seed(draw.seed, step.name)
        _apply(step, canvas, Draw(seed, draw.epoch, draw.index, gate))


def _candidates(canvas: Canvas, magnitude: float) -> list[Step]:
    shift = {"shift": {"pixels": MAX_SHIFT * min(canvas.size())}}
    colour = STRONGEST_COLOUR if canvas.x.shape[-1] == 3 else {}
    return [
        Step(name, {key: value * magnitude for key, value in args.items()})
        for name, args in {**shift, **STRONGEST, **colour}.items()
    ]


CANVAS_STEPS: dict[str, Callable[..., None]] = {
    **GEOMETRY_STEPS,
    "randaugment": _randaugment,
}


def _apply(step: Step, canvas: Canvas, draw: Draw) -> None:
    if step.name in CANVAS_STEPS:
        CANVAS_STEPS[step.name](canvas, draw, **step.args)
    else:
        change = VALUE_STEPS[step.name]
        canvas.replace(change(canvas.pixels(), draw, **step.args))
