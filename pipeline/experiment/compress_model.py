"""Compress a model that is already trained.

    result = compress_model("model.keras", "npz:mine.npz", budget={"max_drop": 0.01})

In: a trained Keras model, data, and a budget. Out: the folder model-compressed (or
`out`), with the stages data, augment, train (a copy of the model), compress and, with
test examples, evaluate. The engine runs them: what is up to date is not run again, and
an interrupted search continues; `show`, `status` and `predict` accept the folder.
Imports no numeric library.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.compress.import_model.archive import check_archive
from pipeline.compress.targets.registry import DEFAULT
from pipeline.core.errors import UserError
from pipeline.core.safe_path import SafeFolder
from pipeline.data import degradation
from pipeline.engine.stage import Job
from pipeline.experiment import in_memory
from pipeline.experiment.loader import FILE, MAX_NAME, read_experiment
from pipeline.experiment.model_data import (
    ModelData,
    check_recipes,
    model_data,
    unlabelled_recipes,
)
from pipeline.experiment.overrides import Override, override_texts, parse_override
from pipeline.experiment.previous_state import chosen_file_kept, restored_on_error
from pipeline.experiment.schema import Experiment
from pipeline.experiment.session import Console, run_job
from pipeline.experiment.single_model import FIRST_LINES, header, with_model
from pipeline.experiment.source_look import check_shapes
from pipeline.results import notebook, single_file
from pipeline.tasks.registry import get

# Sections and keys of the experiment file that have an effect here.
USED = ("seed", "threads", "portability", "data", "augment", "compress")
SOURCE = "baseline"  # of compress.sources: there is no student
UNATTACKED = {"robustness": False}  # the test split is only for the metric


@dataclass(frozen=True)
class BestFile:
    """The chosen .tflite file.

    Args:
        path: of the file.
        row: its row in pareto.json.
    """

    path: Path
    row: dict[str, Any]

    @property
    def recipe(self) -> str:
        """The recipe that made it, such as `int8`."""
        return str(self.row["recipe"])

    @property
    def bytes_flash(self) -> int:
        """Its size in the flash of the target, in bytes."""
        return int(self.row["bytes_flash"])

    def save(self, path: str | Path) -> Path:
        """Copy the file.

        Args:
            path: of the copy, which is overwritten; its folder must exist.

        Raises:
            UserError: the folder does not exist, or `path` is a folder.
        """
        copy = Path(path)
        if copy.is_dir() or not copy.parent.is_dir():
            raise UserError(
                f"{copy}: must be a file in a folder that exists, such as best.tflite"
            )
        return Path(shutil.copyfile(self.path, copy))


@dataclass(frozen=True)
class CompressionResult:
    """What compress_model found; a notebook draws it.

    Args:
        folder: with all files, in `compress/`.
        pareto: compress/pareto.json, with `latency` and `input`.
    """

    folder: Path
    pareto: dict[str, Any]

    @property
    def chosen(self) -> dict[str, Any] | None:
        """The row of the smallest variant within the budget, or None."""
        points = self.pareto["points"]
        return next((p for p in points if p["id"] == self.pareto["chosen"]), None)

    @property
    def file(self) -> Path | None:
        """The .tflite file of the chosen variant, or None."""
        return self.folder / "compress" / "best.tflite" if self.chosen else None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row per variant, the smallest first, those without a file last."""
        limits = single_file.limits_of(self.pareto)
        return single_file.sorted_rows(self.pareto, limits)

    @property
    def best(self) -> BestFile:
        """The smallest file within the budget.

        Raises:
            UserError: no file meets the budget; it names the nearest one.
        """
        row, file = self.chosen, self.file
        if row is None or file is None:
            raise UserError(f"{self.folder}: {single_file.missed(self.pareto)}")
        return BestFile(file, row)

    def _repr_html_(self) -> str:
        """The frontier and the table, as a notebook shows them."""
        return notebook.html(self.pareto)


def compress_model(
    model: Any,
    data: Any,
    *,
    budget: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    validation: Any = None,
    test: Any = None,
    anyway: bool = False,
    reporter: Console | None = None,
    **sections: Any,
) -> CompressionResult:
    """Find the smallest .tflite file of a trained model within a budget.

    Args:
        model: path of a .keras, .h5 or .onnx file, a `keras.Model`, which is saved in
            `out`, or a `TorchModel`, which is traced to an .onnx file there.
        data: a source such as `npz:mine.npz` or `sklearn:digits`, or a pair of arrays
            `(x, y)`, which is saved in `out`: x as the model takes it, `(n, ...)`, and
            y the class or number of each example, `(n,)`. A `tf.data.Dataset` (batched
            or not) or an object with `__len__` and `__getitem__`, such as a PyTorch
            Dataset, of such pairs is read whole into memory. An array x alone, or a
            source or data set without labels, is for recipes that do not train; files
            are then compared with the float model.
        budget: keys of `compress.budget`, such as `{"max_drop": 0.01, "max_bytes":
            20000}`; max_drop is a fraction, and bytes are those in flash. `flash` is
            another name of `max_bytes`.
        out: folder of the results; default: MODEL-compressed beside the model, or in
            the working directory.
        overrides: other values of data, augment, compress, seed, threads or
            portability, by section: `{"compress": {"recipes": ["int8"]}}`.
        validation: as `data`: examples that the model has never seen, on which files
            are compared; default None, a part of `data`.
        test: as `data`: examples that nothing is decided by; the float file and the
            chosen one are evaluated on them. Default None.
        anyway: compress a model that the data seem to be misread for, or that is not
            better than a trivial prediction, with a warning; default: an error.
        reporter: receives progress; default: lines on standard output.
        sections: the same as `overrides`, as in `load_experiment`:
            `compress={"recipes": ["int8"]}`, `seed=2`.

    Returns:
        The result; its `chosen` is None if no variant meets the budget.

    Raises:
        UserError: the model or the data do not fit, or a value is not valid.
        StageFailed: a stage failed; nothing of it was published.

    Example:
        >>> result = compress_model(                            # doctest: +SKIP
        ...     "net.keras", "npz:mine.npz", budget={"max_drop": 0.01}
        ... )
        >>> result.file                                         # doctest: +SKIP
        PosixPath('net-compressed/compress/best.tflite')
    """
    limits = _limits(budget or {})
    folder = Path(out) if out is not None else default_folder(in_memory.name_of(model))
    path = in_memory.saved_model(model, folder)
    given = {"data": data, "validation": validation, "test": test}
    names = in_memory.saved_splits(given, folder, path)
    texts = override_texts({**limits, **(overrides or {})}) + override_texts(sections)
    typed = {text: f"override {text}" for text in texts}
    return compress_with(path, model_data(**names), folder, typed, reporter, anyway)


def _limits(budget: Mapping[str, Any]) -> dict[str, Any]:
    """The budget as overrides; `flash` limits the size that is the default."""
    sized = {"max_bytes", "size_metric"} & set(budget)
    if "flash" in budget and sized:
        raise UserError(
            f"budget: flash and {', '.join(sorted(sized))} limit the same size; give "
            "flash alone, or max_bytes with size_metric"
        )
    return {
        f"compress.budget.{'max_bytes' if key == 'flash' else key}": limit
        for key, limit in budget.items()
    }


def compress_with(
    model: Path,
    data: ModelData,
    folder: Path,
    typed: Mapping[str, str],
    reporter: Console | None = None,
    anyway: bool = False,
) -> CompressionResult:
    """Compress a .keras file with overrides as they were typed.

    Args:
        model: the .keras file.
        data: sources, as `model_data` returns them.
        folder: of the results.
        typed: override -> what the user typed, such as `--budget max_drop=0.01`.
        reporter: receives progress; default: lines on standard output.
        anyway: compress even if the data seem to be misread; default False.
    """
    check_archive(model)
    overrides = [parse_override(text, option) for text, option in typed.items()]
    _check_used(overrides)
    console = reporter or Console()
    with restored_on_error(folder), chosen_file_kept(folder, console.note):
        sections = _sections(model, data, overrides)
        job = _write_job(folder, model, sections, typed, anyway)
        check_shapes(model, job.params["data"])
        run_job(job, job.chain[-1].name, console)
    return CompressionResult(folder, single_file.read(folder))


def default_folder(model: Path) -> Path:
    """`MODEL-compressed` beside the model; its name can be an experiment's."""
    plain = re.sub("[^A-Za-z0-9_-]", "-", model.stem).lstrip("-_") or "model"
    end = "-compressed"
    return model.parent / f"{plain[: MAX_NAME - len(end)]}{end}"


def _check_used(overrides: list[Override]) -> None:
    """Refuse overrides that have no effect without training and a student."""
    for override in overrides:
        section = str(override.key[0])
        if section in Experiment.model_fields and section not in USED:
            raise UserError(
                f"{override.option}: has no effect, because compress-file neither "
                "trains nor reports, and evaluates only the metric; the keys that have "
                f"are those of {', '.join(USED)}"
            )
        for key in ("sources", "distilled_sources"):
            value = _compress_value(override, key)
            if isinstance(value, str | list) and "student" in value:
                raise UserError(
                    f"{override.option}: a single model has no student; compress.{key} "
                    f"can be [{SOURCE}]"
                )


def _compress_value(override: Override, key: str) -> Any:
    """The value that an override gives to `compress.KEY`, if any."""
    return _value(override, "compress", key)


def _value(override: Override, section: str, key: str) -> Any:
    """The value that an override gives to `SECTION.KEY`, if any."""
    if override.key == (section,) and isinstance(override.value, dict):
        return override.value.get(key)
    return override.value if override.key == (section, key) else None


def _degraded_by(overrides: list[Override]) -> int | None:
    """The factor between inputs and outputs that are images; None for other tasks."""
    values = {
        key: next((v for o in reversed(overrides) if (v := _value(o, "data", key))), "")
        for key in ("task", "degrade")
    }
    if not values["task"] or not get(str(values["task"])).degrades:
        return None
    pipe = str(values["degrade"] or degradation.DEFAULT)
    return degradation.scale_of(degradation.parse(pipe))


def _sections(
    model: Path, data: ModelData, overrides: list[Override]
) -> dict[str, Any]:
    """The experiment file, without overrides."""
    compress: dict[str, Any] = {"sources": [SOURCE]}
    scale = _degraded_by(overrides)
    if scale is not None:
        section = data.clean_images(model, scale)
        return {"data": section, "compress": compress, "evaluate": UNATTACKED}
    if not data.labelled:
        values = [_compress_value(override, "target") for override in overrides]
        target = next((value for value in reversed(values) if value), DEFAULT)
        compress["recipes"] = unlabelled_recipes(str(target))
    return {"data": data.section(model), "compress": compress, "evaluate": UNATTACKED}


def _write_job(
    folder: Path,
    model: Path,
    sections: dict[str, Any],
    typed: Mapping[str, str],
    anyway: bool,
) -> Job:
    _check_ours(folder / FILE)
    text = yaml.safe_dump(sections, sort_keys=False, allow_unicode=True)
    sets = list(typed)
    SafeFolder(folder).write(FILE, (header(model, sets) + text).encode())
    experiment = read_experiment(folder, sets, typed)
    check_recipes(experiment.compress.recipes, experiment.data)
    return with_model(experiment.job(folder, sets), model, anyway)


def _check_ours(path: Path) -> None:
    """Refuse to overwrite an experiment file that compress_model did not write."""
    ours = [first.encode() for first in FIRST_LINES]
    if path.exists() and not path.read_bytes().startswith(tuple(ours)):
        raise UserError(
            f"{path}: is an experiment that compress-file did not make; choose another "
            "--out"
        )
