"""Find out whether the data mean to an imported model what they mean here.

In: a model and published data. Out: warnings. A model is tried with other scales of its
input (0 .. 1, 0 .. 255, -1 .. 1, standardized), with the color channels in the other
order, and with the other readings of its outputs that the task names: another order of
classes, another unit. One that is far better than the reading in use is named, with the
setting that selects it. A model that no reading lifts above the floor of the task is
named too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import keras
import numpy as np

from pipeline.compress.rewrite.rebuild import model_outputs
from pipeline.core.determinism import derive_seed
from pipeline.data.artifact import Data, Split
from pipeline.data.features import Standardise
from pipeline.data.spec import TaskSpec
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.floor import Floor, Reading, floor_of, floor_warning
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import task_of

EXAMPLES = 512  # per split: enough for an interval of a few points
MAPS = 64  # examples with a target per pixel: each is many decisions
BATCH = 128
MARGIN = 0.05  # of the metric: five points of accuracy
TIE = 0.01  # a simpler reading is preferred to one that is better by less
# Range of inputs -> the scale and the offset that make it from 0 .. 1.
RANGES = {"0 .. 1": (1.0, 0.0), "0 .. 255": (255.0, 0.0), "-1 .. 1": (2.0, -1.0)}
AS_SET = Reading("", "", lambda z: z)

Array = np.ndarray


@dataclass(frozen=True)
class InputReading:
    """Another meaning of the inputs.

    Args:
        meaning: a phrase, such as `inputs of -1 .. 1`; empty for the one in use.
        remedy: the setting or code that selects it.
        convert: model inputs in use `(n, *shape)` -> those of this reading.
    """

    meaning: str
    remedy: str
    convert: Callable[[Array], Array]


@dataclass(frozen=True)
class Candidate:
    """One combination of readings, and the evidence of its metric on validation."""

    readings: tuple[InputReading | Reading, ...]
    evidence: Array
    value: float

    @property
    def fitted(self) -> bool:
        """True where examples decide the numbers of a reading."""
        return any(getattr(reading, "fitted", False) for reading in self.readings)

    @property
    def changes(self) -> list[InputReading | Reading]:
        """The readings that differ from those in use."""
        return [reading for reading in self.readings if reading.meaning]


def find_doubts(model: keras.Model, data: Data, name: str, seed: int) -> list[str]:
    """Name a reading of the data with which a model would be far better.

    Args:
        model: with the outputs that the task expects.
        data: published data.
        name: of the model's file.
        seed: of the bootstrap.

    Returns:
        At most one sentence, with the remedy.
    """
    spec, metric = data.spec, metric_of(data.spec)
    if metric.rollout:
        return []  # an agent that fails says nothing about its inputs
    count = EXAMPLES if not task_of(spec).dense else MAPS
    train, validation = (
        split.sample(count, seed) for split in (data.train(), data.validation())
    )
    seed = derive_seed(seed, "readings")
    x = spec.to_input(validation.x)
    in_use = _candidate((AS_SET,), x, outputs_of(model, x), metric, validation.y)
    best = _best(_candidates(model, data, train, validation), in_use, metric)
    if best is not in_use and _is_better(best, in_use, metric, validation.y, seed):
        return [_misread(name, best, in_use, metric)]
    stored, y = validation.x, validation.y
    warning = floor_warning(name, spec, train.y, stored, y, in_use.evidence, seed)
    return [warning] if warning else []


def _misread(name: str, best: Candidate, in_use: Candidate, metric: TaskMetric) -> str:
    key = metric.metric.name
    meanings = " and ".join(reading.meaning for reading in best.changes)
    remedies = "; and ".join(reading.remedy for reading in best.changes)
    return (
        f"{name} may be misread: validation {key} is {in_use.value:.3f}, and would be "
        f"{best.value:.3f} with {meanings}: set {remedies}"
    )


def _candidates(
    model: keras.Model, data: Data, train: Split, validation: Split
) -> Iterator[Candidate]:
    """Every combination of an input reading and an output reading."""
    spec, metric, y = data.spec, metric_of(data.spec), validation.y
    floor = floor_of(spec) or Floor("", lambda teaching, y: y)
    fitting, stored = spec.to_input(train.x), spec.to_input(validation.x)
    for reading in _input_readings(spec, fitting, data):
        x = reading.convert(stored)
        outputs = outputs_of(model, x)
        yield _candidate((reading, AS_SET), x, outputs, metric, y)
        taught = outputs_of(model, reading.convert(fitting))
        for other in floor.readings(spec, taught, train.y):
            yield _candidate((reading, other), x, other.convert(outputs), metric, y)


def _candidate(
    readings: tuple[InputReading | Reading, ...],
    x: Array,
    outputs: Array,
    metric: TaskMetric,
    y: Array,
) -> Candidate:
    evidence = metric.evidence(outputs, x, y)
    return Candidate(readings, evidence, metric.value(evidence, y))


def _best(
    candidates: Iterable[Candidate], in_use: Candidate, metric: TaskMetric
) -> Candidate:
    """The best candidate; of nearly equal ones that with the fewest changes.

    A fitted one needs to be better than the others by the margin.
    """
    merit = metric.metric.merit
    if merit(metric.metric.highest) - merit(in_use.value) < MARGIN:
        return in_use  # no reading can be far better
    usable = [in_use, *(c for c in candidates if np.isfinite(c.value))]
    top = max(merit(candidate.value) for candidate in usable)
    fixed = [c for c in usable if not c.fitted and merit(c.value) > top - MARGIN]
    reached = max((merit(c.value) for c in fixed), default=top)
    near = [c for c in fixed or usable if merit(c.value) >= reached - TIE]
    return min(near, key=lambda candidate: len(candidate.changes))


def _is_better(
    best: Candidate, in_use: Candidate, metric: TaskMetric, y: Array, seed: int
) -> bool:
    """True if the gain is large, and not due to the choice of the examples."""
    if not metric.metric.drop(in_use.value, best.value) >= MARGIN:
        return False
    interval = metric.drop_interval(best.evidence, in_use.evidence, y, seed)
    return interval is None or interval[0] > 0


def outputs_of(model: keras.Model, inputs: Array) -> Array:
    """Run a model in batches.

    Args:
        model: with one output.
        inputs: model inputs, `(n, *shape)`.

    Returns:
        `(n, *output)`.
    """
    begins = range(0, len(inputs), BATCH)
    batches = (inputs[begin : begin + BATCH] for begin in begins)
    return np.concatenate([np.asarray(model_outputs(model, b)) for b in batches])


def _input_readings(
    spec: TaskSpec, inputs: Array, data: Data
) -> Iterator[InputReading]:
    in_use = InputReading("", "", lambda x: x)
    yield in_use
    if spec.vocabulary:
        return
    scales = [*_other_ranges(spec, inputs), *_other_preprocessing(spec, inputs, data)]
    yield from scales
    if len(spec.shape) == 3 and spec.shape[-1] == 3:
        yield from map(_reversed, [in_use, *scales])


def _other_ranges(spec: TaskSpec, inputs: Array) -> Iterator[InputReading]:
    """Other usual ranges of numbers that are in one of them."""
    current = _range(inputs)
    if current is None or any(
        step["step"] == "standardise" for step in spec.preprocess
    ):
        return
    scale, offset = RANGES[current]
    for name, (other_scale, other_offset) in RANGES.items():
        if name != current:
            factor = other_scale / scale
            shift = other_offset - offset * factor
            remedy = (
                f"data.scale={spec.scale * factor:.9g} "
                f"data.offset={spec.offset * factor + shift:.9g}"
            )
            yield InputReading(f"inputs of {name}", remedy, _affine(factor, shift))


def _range(inputs: Array) -> str | None:
    low, high = float(inputs.min()), float(inputs.max())
    if low < 0:
        return "-1 .. 1" if low >= -1.001 and high <= 1.001 else None
    if high <= 1.001:
        return "0 .. 1"
    return "0 .. 255" if high <= 255.5 else None


def _affine(factor: float, shift: float) -> Callable[[Array], Array]:
    return lambda x: np.asarray(x * factor + shift, np.float32)


def _other_preprocessing(
    spec: TaskSpec, inputs: Array, data: Data
) -> Iterator[InputReading]:
    """Numbers as the source holds them in place of standardized ones, or vice versa."""
    step = next((s for s in data.steps() if isinstance(s, Standardise)), None)
    if step is not None and len(spec.preprocess) == 1:
        mean, deviation = (
            np.array(values, np.float32) for values in (step.mean, step.deviation)
        )
        yield InputReading(
            "inputs that are not standardized",
            "data.preprocessing=none",
            lambda x: x * deviation + mean,
        )
    elif not spec.preprocess and len(spec.shape) == 1:
        center, spread = inputs.mean(axis=0), inputs.std(axis=0)
        spread = np.where(spread > 0, spread, 1)
        yield InputReading(
            "standardized inputs",
            "data.preprocessing=auto",
            lambda x: np.asarray((x - center) / spread, np.float32),
        )


def _reversed(reading: InputReading) -> InputReading:
    meaning = "the color channels in reverse order (BGR)"
    remedy = (
        "x = x[..., ::-1] in the .npz file, or a first layer that reverses the channels"
    )
    if reading.meaning:
        meaning = f"{reading.meaning} and {meaning}"
        remedy = f"{reading.remedy} and {remedy}"
    return InputReading(meaning, remedy, lambda x: reading.convert(x)[..., ::-1])
