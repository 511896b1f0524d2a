"""Publish the files that read step by step, in the folder of the compress stage.

In: the built variants, of which some have such a file. Out: stateful/<id>.tflite and
best_stateful.tflite, with what a task adds to each.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.build_variant import STATEFUL as FILE
from pipeline.compress.variant import BuildContext, VariantResult
from pipeline.inference.step_models import STATEFUL as FOLDER
from pipeline.inference.step_models import StatefulModel

BEST = "best_stateful.tflite"
Check = Callable[[StatefulModel, Path], str | None]


def publish(
    results: Sequence[VariantResult],
    chosen: str | None,
    context: BuildContext,
    out: Path,
    check: Check,
    sequences: tuple[str, np.ndarray],
) -> None:
    """Publish the stateful files of all variants, each with its golden sequences.

    Args:
        results: of all variants.
        chosen: id of the chosen file, or None.
        context: working folders.
        out: the folder that is published.
        check: the stateful model, and the path of the file of whole windows -> a note
            on why the stateful file is left out; None to publish it.
        sequences: name and model inputs of the golden sequences, `(n, steps, ...)`.
    """
    for result in results:
        path = context.folder_of(result.variant) / FILE
        if not result.row.file or not path.is_file():
            continue
        model = StatefulModel(path, context.threads)
        if note := check(model, path.with_name("model.tflite")):
            print(f"note: {result.variant.title}: {note}")
            continue
        file = out / FOLDER / f"{result.variant.id}.tflite"
        file.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, file)
        name, inputs = sequences
        arrays: dict[str, Any] = {name: inputs, "logits": golden(model, inputs)}
        np.savez(file.with_suffix(".npz"), **arrays)
    best = out / FOLDER / f"{chosen}.tflite"
    if chosen and best.is_file():
        shutil.copyfile(best, out / BEST)


def golden(model: StatefulModel, sequences: np.ndarray) -> np.ndarray:
    """Return the stored logits after each step, `(n, steps, outputs)`.

    Args:
        model: begins each sequence with states of zero.
        sequences: tokens or frames, `(n, steps, ...)`.
    """
    outputs = []
    for sequence in sequences:
        model.reset()
        outputs.append([model.stored(step) for step in sequence])
    return np.array(outputs)
