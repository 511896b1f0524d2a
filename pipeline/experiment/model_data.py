"""The data that an imported model is compressed and compared with.

In: sources, as options name them. Out: the sections of an experiment file that follow
from them and from the model: `data`, and the recipes where the examples have no labels.
Only headers of files are read, without a numeric library.

What the model takes and returns are the defaults: the size and the channels of image
files, and the number of classes of labels that are numbers. No example is left unused:
without a test source there is no test split, and a test split that the source brings
validates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.compress.grammar import parse_recipe
from pipeline.compress.import_model.archive import (
    input_shape,
    output_units,
    takes_tokens,
)
from pipeline.compress.targets import registry as targets
from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.data.sources.registry import SOURCES, check_source, whole_of
from pipeline.experiment.source_look import check_exists, has_labels
from pipeline.tasks.registry import UNLABELLED, get

# Kinds of source that reach the model as they are stored.
UNPROCESSED = ("npz", "npy", "csv", "parquet")
# Ending of a file -> the kind of source, where only a path is typed.
KINDS = {
    ".npz": "npz",
    ".csv": "csv",
    ".tsv": "csv",
    ".gz": "csv",
    ".parquet": "parquet",
}
SPLIT = {"train": 0.6, "validation": 0.4, "test": 0.0}
POST_TRAINING = ("int8", "int16x8", "dynamic", "float16")


@dataclass(frozen=True)
class ModelData:
    """Sources, by their role.

    Args:
        train: examples that fine-tuning and calibration use; without `validation`, a
            part of them is for that.
        validation: examples that files are compared on, which the model has never seen;
            default None.
        test: examples that nothing is decided by; default None.
        labelled: False where the examples have no labels.
        option: of the command line that names `train`, for errors.
    """

    train: str
    validation: str | None = None
    test: str | None = None
    labelled: bool = True
    option: str = "--data"

    def check(self) -> None:
        """Refuse sources that do not exist.

        Raises:
            UserError: names the option and the path.
        """
        options = {self.option: self.train, **self._others()}
        for option, source in options.items():
            check_source(source)
            check_exists(source, option)
        if not self.labelled and self.test:
            raise UserError(
                f"--test {self.test}: has no effect without labels; leave it out"
            )

    def section(self, model: Path) -> dict[str, Any]:
        """Return the section `data`.

        Args:
            model: the file of the model.
        """
        values: dict[str, Any] = {"source": self.train}
        if others := self._splits():
            values["split_sources"] = others
        if not self.labelled:
            values["task"] = UNLABELLED
        values["split"] = {**SPLIT, "rare_classes": "allow"}
        if self._kind in UNPROCESSED:
            values |= {"preprocessing": "none", "target_unit": "labels"}
        if self._kind in ("npz", "npy") and takes_tokens(model):
            values["tokens"] = True
        return {**values, **_from_model(model, self._kind, self.labelled)}

    def clean_images(self, model: Path, scale: int) -> dict[str, Any]:
        """Return the section `data` of a model that restores images.

        Args:
            model: the file of the model.
            scale: height of a clean image divided by that of the model's input.
        """
        values: dict[str, Any] = {"source": self.train, "split": dict(SPLIT)}
        if others := self._splits():
            values["split_sources"] = others
        if self._kind in UNPROCESSED:
            values["preprocessing"] = "none"
        values |= _from_model(model, self._kind, labelled=False)
        size = values.get("image", {}).get("size")
        if size:
            values["image"]["size"] = [side * scale for side in size]
        return values

    @property
    def _kind(self) -> str:
        return self.train.partition(":")[0]

    def _splits(self) -> dict[str, str]:
        named = {"validation": self.validation, "test": self.test}
        return {name: source for name, source in named.items() if source}

    def _others(self) -> dict[str, str]:
        return {f"--{name}": source for name, source in self._splits().items()}


def _from_model(model: Path, kind: str, labelled: bool) -> dict[str, Any]:
    """Settings of `data` that follow from the shapes of the model."""
    values: dict[str, Any] = {}
    shape, units = input_shape(model) or (), output_units(model)
    if kind == "images" and len(shape) == 3:
        height, width, channels = shape
        size = {"size": [height, width]} if height and width else {}
        known = {"channels": channels} if channels in (1, 3) else {}
        values["image"] = {**size, **known}
    if labelled and units and units > 1:
        values["class_count"] = units
    return values


def named_source(text: str) -> str:
    """Return a source as `kind:name`, where only a path may be typed.

    Args:
        text: `kind:name`, or the path of a file or folder; a folder holds images.
    """
    kind = text.partition(":")[0]
    if kind in SOURCES:
        return text
    path = Path(whole_of(f"npz:{text}").removeprefix("npz:"))
    if path.is_dir():
        arrays = (path / "x.npy").is_file() or (path / "x_train.npy").is_file()
        sounds = any(p.suffix.lower() == ".wav" for p in path.glob("*/*"))
        return f"{'npy' if arrays else 'wav' if sounds else 'images'}:{text}"
    if path.is_file() and path.suffix.lower() in KINDS:
        return f"{KINDS[path.suffix.lower()]}:{text}"
    return text  # `check_source` lists what it can be


def model_data(
    data: str | None,
    train: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    calibration: str | None = None,
) -> ModelData:
    """Assign roles to the sources of a command line.

    Args:
        data: examples that are split here.
        train: the same, beside `validation`.
        validation: examples that files are compared on.
        test: examples that nothing is decided by.
        calibration: examples without labels.

    Raises:
        UserError: when the options do not go together, or a source does not exist.
    """
    options = {"--data": data, "--train": train, "--calibration": calibration}
    first = {option: source for option, source in options.items() if source}
    if len(first) != 1:
        typed = ", ".join(first) or "none of them"
        raise UserError(
            "give one of --data SOURCE (examples with labels), --train SOURCE (with "
            "--validation SOURCE, examples that the model has not seen) or "
            f"--calibration SOURCE (a few examples without labels); received {typed}"
        )
    option, source = next(iter(first.items()))
    named = named_source(source)
    fresh = named_source(validation) if validation else None
    unused = named_source(test) if test else None
    labelled = not calibration and has_labels(named)
    if calibration and (fresh or unused):
        raise UserError(
            "--calibration: its examples have no labels, and files are compared with "
            "the float model on them; with labels, use --train, --validation and --test"
        )
    roles = ModelData(named, fresh, unused, labelled, option)
    roles.check()
    return roles


def unlabelled_recipes(target: str) -> list[str]:
    """Return the default recipes for examples without labels: those without training.

    Args:
        target: the device, see `compress.target`.
    """
    device = targets.get(target)
    return [name for name in POST_TRAINING if not device.refusal(name)]


def check_recipes(recipes: Iterable[str], data: DataParams) -> None:
    """Refuse recipes that train, where the examples have no labels.

    Args:
        recipes: `compress.recipes`.
        data: the section `data`.

    Raises:
        UserError: names the recipes that remain.
    """
    if get(data.task).labels != "none":
        return
    training = [text for text in recipes if parse_recipe(text).techniques]
    if training:
        raise UserError(
            f"--set compress.recipes: {', '.join(training)}: trains, and the examples "
            f"of {data.source} have no labels; without training there are "
            f"{', '.join(POST_TRAINING)}"
        )
