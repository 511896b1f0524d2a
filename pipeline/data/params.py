"""The `data` section of an experiment file."""

from __future__ import annotations

import math
import re
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from pipeline.core.params import Params, as_validation_error
from pipeline.core.pipe_language import Step, str_pipe
from pipeline.core.wording import repeated
from pipeline.data import degradation
from pipeline.data.key_checks import check_keys
from pipeline.data.sources.interaction_params import InteractionParams, TripleParams
from pipeline.data.sources.params import (
    AudioParams,
    ColumnParams,
    CorpusParams,
    EnvironmentParams,
    ImageParams,
    LimitParams,
    MaskParams,
    PairParams,
    SceneParams,
    TextParams,
)
from pipeline.data.sources.registry import PAIRED, check_source, listed
from pipeline.data.sources.series_params import SeriesParams
from pipeline.data.split_params import LabelParams, SplitParams
from pipeline.tasks.registry import DEFAULT, for_chain, get


class DataParams(Params):
    """The source of the examples, and how they are prepared and split.

    Relative paths begin at the folder in which the command runs; `${NAME}` in them is
    the environment variable NAME.

    Args:
        source: `kind:name`.
        task: `classification`, `regression` (predicts the number in the label column),
            `anomaly_detection` (trains on examples of the `normal` classes alone and
            tells the others from them), `segmentation` (a class per pixel),
            `restoration` (a clean image from a degraded one), `detection` (boxes of
            objects), `embedding` (a vector that is compared by distance; each class, or
            value of `split.group`, is in one split only), `forecasting` (the next
            numbers of a series over time), `next_token` (predicts a text, token by
            token), `seq2seq` (a text from a text, such as a date in ISO 8601),
            `ranking` (the next item of a user, or the tail of a head and a relation),
            `policy` (acts in an environment), or `module:object` for a task of yours.
        normal: the classes that are not anomalies, for `anomaly_detection`.
        extend: a source, or a list of them, whose examples are added to a finished
            experiment, split by split; train continues from its weights.
        split_sources: sources that are a whole split, such as `{validation:
            npz:fresh.npz, test: "npz:all.npz#test"}`: their examples add to it, and
            `source` is split into the others.
        data_dir: folder of TensorFlow Datasets; null is its default.
        degrade: steps that make the inputs of a `restoration` from clean images, such
            as `downscale(2) | noise(0.05)`; null is `downscale(2)`. Random steps depend
            on the seed. The images of `pairs:` are degraded already.
        download: download a TFDS data set that is not on this machine.
        subsplits: of a TFDS data set, such as `{train: "train[:10%]", test: test}`.
        classes: the class list; null uses the classes of the source.
        merge_classes: new class -> the classes of the source that become it, such as
            `{unknown: [five, six]}`; new classes are the last ones.
        class_count: number of outputs of a model that was trained elsewhere: labels
            that are whole numbers below it are class numbers, and classes without an
            example count; null is the labels that there are.
        extra_targets: additional targets, for `train.heads`: name -> `class` or
            `number`. Names are columns of a CSV file, arrays of an .npz file, or fields
            of `file_name`.
        file_name: pattern of the file names, such as `{speaker}_{index}`.
        on_bad_example: `skip` lists unreadable files and rows, with their source, in
            skipped.csv and continues without them; `error` stops at the first one.
        duplicates: of an example that is in several splits, `drop` keeps the copy in
            test, else the one in validation; `report` only counts.
        balance: `weights` sets class weights in the loss, `resample` repeats examples
            of the smaller classes.
        calibration: number of training examples that determine int8 ranges.
        preprocessing: `none` gives a model the numbers as the source holds them:
            neither scaled nor standardized, and arrays of an .npz file keep any shape.
            Amounts of augmentation and attacks are then in the data's own unit.
        cache: how examples are stored between stages: `arrays`, NumPy files that are
            read by position, or `shards`, examples that are compressed one by one, a
            half to a quarter of the size, for sets that do not fit on the disk twice.
            Image and WAV files are decoded into them once, and a run that was killed
            resumes. Batches, and so weights, are equal.
        tokens: the rows of x of an .npz file are token numbers, `(n, length)`: whole
            numbers that an Embedding reads, which no scale may change.
        scale, offset: model input = stored number * scale + offset; null is the
            source's own, which for images of bytes gives 0 .. 1. For a model that was
            trained with another range: 1 and 0 give 0 .. 255, 0.00784314 and -1 give
            -1 .. 1.
        class_order: order of the class names where `classes` is null: `numeric` sorts
            names that are numbers by value (2 before 10), `text` all names as text (10
            before 2), as Keras's image_dataset_from_directory.
        target_unit: unit of a regression's output: `standardized`, zero mean and unit
            variance over the training split, or `labels`, as in the source, for a
            model that was trained on these numbers.
    """

    source: str
    task: str = DEFAULT
    normal: list[str] | None = Field(default=None, min_length=1)
    extend: str | list[str] | None = None
    split_sources: dict[Literal["validation", "test"], str] | None = None
    degrade: str | None = None
    data_dir: str | None = None
    download: bool = True  # as TensorFlow Datasets itself
    subsplits: dict[Literal["train", "validation", "test"], str] | None = None
    classes: list[str] | None = Field(default=None, min_length=2)
    merge_classes: dict[str, list[str]] = {}
    class_count: int | None = Field(default=None, ge=2, le=1_000_000)
    extra_targets: dict[str, Literal["class", "number"]] = {}
    file_name: str | None = None
    columns: ColumnParams = ColumnParams()
    image: ImageParams = ImageParams()
    scenes: SceneParams = SceneParams()
    masks: MaskParams = MaskParams()
    audio: AudioParams = AudioParams()
    text: TextParams = TextParams()
    series: SeriesParams = SeriesParams()
    interactions: InteractionParams = InteractionParams()
    triples: TripleParams | None = None  # a ranking is of interactions
    corpus: CorpusParams = CorpusParams()
    pairs: PairParams = PairParams()
    environment: EnvironmentParams = EnvironmentParams()
    limits: LimitParams = LimitParams()
    # Examples that vanish unseen are worse than a run that stops.
    on_bad_example: Literal["error", "skip"] = "error"
    split: SplitParams = SplitParams()
    duplicates: Literal["report", "drop"] = "report"  # data are not changed unasked
    labels: LabelParams = LabelParams()
    balance: Literal["none", "weights", "resample"] = "none"
    # TensorFlow's guide to post-training quantization takes 100 to 500.
    calibration: int = Field(default=200, ge=1, le=100_000)
    # Networks train best on inputs of about unit scale; models from elsewhere may not.
    preprocessing: Literal["auto", "none"] = "auto"
    cache: Literal["arrays", "shards"] = "arrays"  # the fastest to read
    tokens: bool = False
    scale: float | None = None
    offset: float | None = None
    class_order: Literal["numeric", "text"] = "numeric"  # as people count
    # Networks train best on targets of about unit scale; models from elsewhere may not.
    target_unit: Literal["standardized", "labels"] = "standardized"

    @model_validator(mode="after")
    def _merged_once(self) -> Self:
        old = [name for names in self.merge_classes.values() for name in names]
        if duplicates := repeated(old):
            raise ValueError(f"merge_classes: {duplicates[0]} is in it twice")
        if empty := [new for new, names in self.merge_classes.items() if not names]:
            raise ValueError(f"merge_classes: {empty[0]} needs a list of classes")
        if old and self.classes:
            raise ValueError("classes and merge_classes exclude each other")
        return self

    @field_validator("task")
    @classmethod
    def _known_task(cls, name: str) -> str:
        with as_validation_error():
            task = for_chain(name)
        return task.name

    @field_validator("degrade")
    @classmethod
    def _canonical(cls, pipe: str | None) -> str | None:
        with as_validation_error():
            return pipe if pipe is None else str_pipe(degradation.parse(pipe))

    @field_validator("source", "extend")
    @classmethod
    def _known(cls, source: str | list[str] | None) -> str | list[str] | None:
        with as_validation_error():
            for name in listed(source):
                check_source(name)
        return source

    @field_validator("split_sources")
    @classmethod
    def _known_splits(cls, sources: dict[str, str] | None) -> dict[str, str] | None:
        with as_validation_error():
            for name in (sources or {}).values():
                check_source(name)
        return sources

    @model_validator(mode="after")
    def _splits_named_once(self) -> Self:
        if not self.split_sources:
            return self
        if self.extend:
            raise ValueError(
                "split_sources and extend exclude each other: extend splits each of "
                "its sources; leave one of them out"
            )
        if self.split.folds:
            raise ValueError(
                "split_sources has no effect on split.folds, which make their own "
                "splits of one source; leave one of them out"
            )
        return self

    @field_validator("scale", "offset")
    @classmethod
    def _usable_number(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None and not math.isfinite(value):
            raise ValueError("must be a finite number")
        if value == 0 and info.field_name == "scale":
            raise ValueError("must not be 0, which makes all inputs equal")
        return value

    @field_validator("classes", "normal")
    @classmethod
    def _once(cls, names: list[str] | None) -> list[str] | None:
        if duplicates := sorted(repeated(names or [])):
            raise ValueError(f"duplicate class name: {', '.join(duplicates)}")
        return names

    @field_validator("file_name")
    @classmethod
    def _pattern(cls, file_name: str | None) -> str | None:
        if file_name is not None and not re.search(r"\{[a-z_]+\}", file_name):
            raise ValueError('must name fields in braces, such as "{speaker}_{index}"')
        fields = re.findall(r"\{([a-z_]+)\}", file_name or "")
        if duplicates := repeated(fields):
            raise ValueError(
                f"names {{{duplicates[0]}}} twice; each field needs its own name"
            )
        return file_name

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        check_keys(self)
        return self

    @property
    def degradation(self) -> tuple[Step, ...]:
        """Steps that make degraded inputs; none for pairs, or another task."""
        if self.source.partition(":")[0] in PAIRED or not get(self.task).degrades:
            return ()
        return degradation.parse(self.degrade or degradation.DEFAULT)

    @property
    def sources(self) -> tuple[str, ...]:
        """The source, followed by the sources that extend it."""
        return (self.source, *listed(self.extend))

    @property
    def has_test_split(self) -> bool:
        """Whether there are examples that nothing is decided by."""
        return bool(self.split.test or "test" in (self.split_sources or {}))

    @property
    def every_source(self) -> tuple[str, ...]:
        """The source and its extensions, followed by those of whole splits."""
        return (*self.sources, *(self.split_sources or {}).values())
