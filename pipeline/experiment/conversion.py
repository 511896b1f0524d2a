"""A real conversion of the user's model, before the data stage.

In: an experiment whose builder is the user's, and the stages that will run. Out: notes
about files that cannot be written, or an error before anything is computed. Another
process builds and converts the model, so that a crash of the converter ends nothing
else; the outcome is remembered by the digest of the builder's code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_value
from pipeline.data.params import DataParams
from pipeline.data.sources.registry import modality_of
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.process_environment import process_environment
from pipeline.engine.sealed import read_sealed, write_sealed
from pipeline.engine.stage import Job
from pipeline.engine.stage_process import Message, run_in_process
from pipeline.engine.temporary import temporary_folder
from pipeline.engine.time_limits import TimeLimit
from pipeline.experiment.source_shapes import example_shape
from pipeline.models import catalogue

NOTES = ".conversion.json"  # in the experiment's folder: digest -> notes
CHECK = "pipeline.compress.conversion_check"
EXPORTS = ["int8"]  # beside `float`
LIMIT = TimeLimit(3, "the check of the builder")  # a check, not a stage
BY_SIGNAL = "ended by SIG"  # in the error of a process that crashed
CLASSES = ("a", "b")  # where the source alone tells the classes


class _Listener:
    """Remembers the export that is tried."""

    last = "float"

    def progress(self, message: Message) -> None:
        """Remember it."""
        self.last = str(message["progress"])

    def log(self, text: str) -> None:
        """Ignore what libraries print."""


def check_conversion(
    experiment: Any,
    job: Job,
    code: CodeReader,
    stages: Collection[str],
    note: Callable[[str], None],
) -> None:
    """Convert the models of custom builders that are about to be trained.

    Args:
        experiment: its checked values.
        job: the experiment, for its folder and settings.
        code: reads the modules of the builder.
        stages: names of the stages that will run.
        note: receives sentences.

    Raises:
        UserError: a model cannot be read back, or no file can be made of it.
    """
    shape = example_shape(experiment.data)
    if shape is None or not ({"tune", "train"} & set(stages)):
        return
    if not {"distill", "compress"} & set(stages):
        return
    for name in experiment.tune.families:
        if catalogue.parse(name).is_custom:
            request = {**_described(experiment.data, shape), "builder": name}
            for text in _notes(request, name, job, code):
                note(f"note      builder {name}: {text}")


def _described(data: DataParams, shape: tuple[int, ...]) -> dict[str, Any]:
    """The data as `ConversionParams` holds them."""
    image = "image" if len(shape) == 3 else "table"
    modality = "text" if data.tokens else modality_of(data.source) or image
    return {
        "shape": list(shape),
        "modality": modality,
        "task": data.task,
        "classes": list(data.classes or CLASSES),
        "vocabulary": data.text.vocabulary if modality == "text" else 0,
        "exports": EXPORTS,
    }


def _notes(request: dict[str, Any], name: str, job: Job, code: CodeReader) -> list[str]:
    """The notes about a builder: those of the last time, or of a conversion now."""
    module = catalogue.parse(name).module
    modules = [module, CHECK]
    key = hash_value([request, code.closure(modules), code.libraries(modules)])
    remembered = read_sealed(job.folder / NOTES)
    if key not in remembered:
        outcome = _converted(request, module, job)
        if "error" in outcome:
            raise UserError(f"builder {name}: {outcome['error']}")
        remembered = {key: outcome["notes"]}
        write_sealed(job.folder / NOTES, remembered)
    return [str(text) for text in remembered[key]]


def _converted(request: dict[str, Any], module: str, job: Job) -> dict[str, Any]:
    """Convert in another process; `notes` or `error`."""
    listener = _Listener()
    with temporary_folder(job.folder) as folder:
        result = run_in_process(
            _request(request, module, job, str(folder)),
            folder / "log.txt",
            process_environment(job.settings),
            listener,
            limit=LIMIT,
        )
    if "error" not in result:
        return {"notes": result["metrics"]["notes"]}
    if not result.get("unexpected"):
        late = LIMIT.key in result["error"]
        return {"notes": []} if late else {"error": result["error"]}
    if BY_SIGNAL in result["error"] and listener.last in EXPORTS:
        return {"notes": [f"{listener.last}: the converter crashes on this model"]}
    return {"error": f"converting its model to a .tflite file: {result['error']}"}


def _request(
    params: dict[str, Any], module: str, job: Job, folder: str
) -> dict[str, Any]:
    return {
        "module": CHECK,
        "user_modules": [module],
        "params_class": f"{CHECK}:ConversionParams",
        "params": params,
        "folders": {},
        "extra_inputs": {},
        "seed": 1,
        "threads": job.settings["threads"],
        "overrides": (),
        "out": folder,
        "draws": False,
        "scratch": folder,
        "minutes": {},
    }
