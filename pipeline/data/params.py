"""What an experiment file says of its data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.core.errors import UserError, nearest
from pipeline.core.params import Params, as_validation_error
from pipeline.tasks.registry import DEFAULT, for_chain

# Kind -> what stands behind the colon.
SOURCES = {
    "sklearn": "a data set inside scikit-learn, such as sklearn:digits",
    "tfds": "a TensorFlow Datasets name, such as tfds:fashion_mnist",
    "images": "a folder with a folder of image files for each class",
    "wav": "a folder with a folder of WAV files for each class",
    "csv": "a CSV file of numbers and a label column, .gz or plain",
    "text": "a CSV file with a text and a label column, .gz or plain",
    "npz": "a NumPy .npz file with arrays x and y",
}
FILES = ("images", "wav", "csv", "text", "npz")  # kinds that name a path


class SplitParams(Params):
    """Fractions of the examples; a source's own test split replaces `test`.

    Args:
        train, validation, test: fraction of the examples; the three add up to 1.
        group: keep examples of one group in one split: a column of a CSV file, an
            array of a .npz file, or a part of `data.file_name`.
        own: take the source's own validation and test splits where it has them.
        folds, fold: cross-validation; fold `fold` of `folds` is the test split
            (validation, where the test split is the source's own).
    """

    train: float = Field(0.6, gt=0, lt=1)
    validation: float = Field(0.2, gt=0, lt=1)
    test: float = Field(0.2, gt=0, lt=1)
    group: str | None = None
    own: bool = True
    folds: int | None = Field(None, ge=2, le=100)
    fold: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(
                f"train, validation and test must add up to 1, not {total:g}"
            )
        if self.fold >= (self.folds or 1):
            raise ValueError(
                f"fold {self.fold} needs folds of at least {self.fold + 1}; "
                "folds are counted from 0"
            )
        return self


class ColumnParams(Params):
    """Which columns of a CSV file (arrays of a .npz file) are what.

    Args:
        label: the class, or the number to predict.
        text: the text, for `text:`.
        ignore: columns that are no input; `split.group` is none anyway.
    """

    label: str = "label"
    text: str = "text"
    ignore: list[str] = []


class ImageParams(Params):
    """How image files become arrays.

    Args:
        size: `[height, width]` to resize to; null wants files of one size.
        channels: 1 is grey, 3 is colour.
    """

    size: list[int] | None = Field(None, min_length=2, max_length=2)
    channels: Literal[1, 3] = 3

    @field_validator("size")
    @classmethod
    def _positive(cls, size: list[int] | None) -> list[int] | None:
        if size and not all(1 <= side <= 4096 for side in size):
            raise ValueError("height and width must be from 1 to 4096")
        return size


class AudioParams(Params):
    """How clips become features.

    Args:
        rate: samples a second that every file must have; null takes that of most.
        seconds: clips are cut, or silence is added, to this length.
        front_end: log energies of mel bands, or their cosine transform.
        frame_ms, hop_ms: length of a frame, and from one frame to the next.
        bins: mel bands of a frame.
        coefficients: of `mfcc`.
    """

    rate: int | None = Field(None, ge=1000, le=192_000)
    seconds: float = Field(1.0, gt=0, le=60)
    front_end: Literal["log_mel", "mfcc"] = "log_mel"
    frame_ms: float = Field(32.0, gt=0, le=1000)
    hop_ms: float = Field(16.0, gt=0, le=1000)
    bins: int = Field(40, ge=2, le=256)
    coefficients: int = Field(13, ge=1, le=256)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.front_end == "mfcc" and self.coefficients > self.bins:
            raise ValueError(
                f"mfcc has at most as many coefficients as bins ({self.bins}), "
                f"not {self.coefficients}"
            )
        if self.seconds * 1000 < self.frame_ms:
            raise ValueError("seconds must hold at least one frame of frame_ms")
        return self


class TextParams(Params):
    """How texts become word numbers.

    Args:
        vocabulary: word numbers in all; 0 is padding, 1 an unknown word.
        length: words of a text that are kept.
    """

    vocabulary: int = Field(2000, ge=3, le=1_000_000)
    length: int = Field(32, ge=1, le=10_000)


class LabelParams(Params):
    """What is done to the labels of the training split.

    Args:
        noise: part of them that is replaced by another class, for studies.
        errors: `list` writes suspected mistakes into label_errors.csv, `drop` and
            `relabel` also act on them; `off` does not look for any.
        folds: of the search for mistakes.
    """

    noise: float = Field(0.0, ge=0, le=0.9)
    errors: Literal["off", "list", "drop", "relabel"] = "off"
    folds: int = Field(5, ge=2, le=20)


class DataParams(Params):
    """The source and how it is split.

    Paths are taken from the folder in which the command runs; `${NAME}` in them is
    the environment variable NAME.

    Args:
        source: `kind:name`.
        task: `classification`, `regression` (predicts the number in the label column),
            `anomaly_detection` (trains on examples of the `normal` classes alone and
            tells the others from them), or `module:object` of your own.
        normal: the classes that are not anomalies, for `anomaly_detection`.
        extend: a source, or a list of them, whose examples are added to a finished
            experiment, split by split; train goes on from its weights.
        data_dir: where TensorFlow Datasets keeps its files; its default if null.
        download: fetch a TFDS set that is not on this machine.
        subsplits: of a TFDS set, such as `{train: "train[:10%]", test: test}`.
        classes: the class list; null takes what the source has.
        also: further targets, for `train.heads`: name -> `class` or `number`. Names are
            columns of a CSV file, arrays of an .npz file, or parts of `file_name`.
        file_name: what the names of files say, such as `{speaker}_{index}`.
        on_bad: `skip` lists bad examples, and their source, in skipped.csv and goes on
            without them.
        duplicates: of what stands in several splits `drop` keeps test's example,
            then validation's; `report` only counts.
        balance: `weights` weighs classes in the loss, `resample` repeats examples
            of the smaller classes.
        calibration: examples of the training split that set int8 ranges.
        as_is: numbers reach the model as the source holds them: neither scaled nor
            standardised, and arrays of an .npz file keep their shape. Amounts of
            augmentation and attacks are then in the data's own unit.
    """

    source: str
    task: str = DEFAULT
    normal: list[str] | None = Field(None, min_length=1)
    extend: str | list[str] | None = None
    data_dir: str | None = None
    download: bool = True
    subsplits: dict[Literal["train", "validation", "test"], str] | None = None
    classes: list[str] | None = Field(None, min_length=2)
    also: dict[str, Literal["class", "number"]] = {}
    file_name: str | None = None
    columns: ColumnParams = ColumnParams()
    image: ImageParams = ImageParams()
    audio: AudioParams = AudioParams()
    text: TextParams = TextParams()
    on_bad: Literal["error", "skip"] = "error"
    split: SplitParams = SplitParams()
    duplicates: Literal["report", "drop"] = "report"
    labels: LabelParams = LabelParams()
    balance: Literal["none", "weights", "resample"] = "none"
    calibration: int = Field(200, ge=1, le=100_000)
    as_is: bool = False

    @field_validator("task")
    @classmethod
    def _known_task(cls, name: str) -> str:
        try:
            return for_chain(name).name
        except UserError as error:
            raise ValueError(str(error)) from None

    @field_validator("source", "extend")
    @classmethod
    def _known(cls, source: str | list[str] | None) -> str | list[str] | None:
        with as_validation_error():
            for one in listed(source):
                check_source(one)
        return source

    @field_validator("classes", "normal")
    @classmethod
    def _once(cls, names: list[str] | None) -> list[str] | None:
        twice = sorted({name for name in names or () if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands in it twice")
        return names

    @field_validator("file_name")
    @classmethod
    def _pattern(cls, file_name: str | None) -> str | None:
        if file_name is not None and not re.search(r"\{[a-z_]+\}", file_name):
            raise ValueError('must name parts in braces, such as "{speaker}_{index}"')
        parts = re.findall(r"\{([a-z_]+)\}", file_name or "")
        if len(set(parts)) < len(parts):
            twice = next(part for part in parts if parts.count(part) > 1)
            raise ValueError(f"names {{{twice}}} twice; each part has its own name")
        return file_name

    @model_validator(mode="after")
    def _group_is_named(self) -> Self:
        group, name = self.split.group, self.file_name
        files = self.source.partition(":")[0] in ("images", "wav")
        if files and group and name is None:
            raise ValueError(
                f'split.group "{group}" needs file_name, such as '
                f'"{{{group}}}_{{index}}": it says where a file\'s name holds it'
            )
        if name and group and f"{{{group}}}" not in name:
            raise ValueError(
                f'split.group "{group}" is no part of file_name "{name}"; name it '
                "there in braces"
            )
        return self

    @model_validator(mode="after")
    def _one_task(self) -> Self:
        task = for_chain(self.task)
        if task.normal_classes and self.normal is None:
            raise ValueError(
                f"task {self.task} needs normal, the list of the classes that are not "
                "anomalies"
            )
        if self.normal is not None and not task.normal_classes:
            raise ValueError(
                f"normal is for task anomaly_detection; task is {self.task}: leave it out"
            )
        for key, given in self._of_some_tasks().items():
            reason = task.refuses(f"data.{key}")
            if given and reason:
                raise ValueError(f"{key} {reason}; task is {self.task}: leave it out")
        return self

    @model_validator(mode="after")
    def _further_targets(self) -> Self:
        kind, named = self.source.partition(":")[0], self.file_name or ""
        for name in self.also:
            if kind not in FILES:
                reason = f"a source of kind {kind} has none; files, csv, text, npz have"
            elif kind in ("images", "wav") and f"{{{name}}}" not in named:
                reason = f'no part of file_name "{named}"; name it there in braces'
            elif name == self.split.group:
                reason = "is split.group, so that no split has another one's classes"
            elif name == self.columns.label:
                reason = "is the label itself"
            elif why := for_chain(self.task).refuses("data.also"):
                reason = f"task {self.task} {why}"
            else:
                continue
            raise ValueError(f'also "{name}": {reason}')
        return self

    def _of_some_tasks(self) -> dict[str, bool]:
        """Keys that a task may refuse -> whether they are given."""
        return {
            "classes": self.classes is not None,
            "labels.noise": self.labels.noise > 0,
            "labels.errors": self.labels.errors != "off",
            "balance": self.balance != "none",
        }

    @property
    def sources(self) -> tuple[str, ...]:
        """The source, and those that extend it."""
        return (self.source, *listed(self.extend))


def listed(extend: str | Iterable[str] | None) -> tuple[str, ...]:
    """`data.extend` as it may be written: nothing, one source, or several."""
    return (extend,) if isinstance(extend, str) else tuple(extend or ())


def check_source(source: str) -> None:
    """Refuse a source that is not of the form `kind:name`."""
    kind, _, name = source.partition(":")
    if kind not in SOURCES or not name:
        known = "; ".join(f"{kind}: {text}" for kind, text in SOURCES.items())
        hint = nearest(kind, SOURCES)
        raise UserError(f'source "{source}" must be KIND:NAME{hint} ({known})')


def set_name(source: str) -> str:
    """What to call a source: its name, or its file's without folder and endings."""
    kind, _, name = source.partition(":")
    return PurePath(name).name.partition(".")[0] if kind in FILES else name


def reader_module(source: str) -> str:
    """The module that reads this kind of source."""
    return f"pipeline.data.sources.{source.partition(':')[0]}_dataset"
