"""Files and samples of text generation, beside the files of whole windows.

In: the built variants. Out: stateful/<id>.tflite, which reads a text token by token;
stateful/<id>.npz, its golden vectors: token numbers and the logits after each, from the
first token of a text; best_stateful.tflite; samples.json, with what the float baseline
and the chosen file make of equal prompts of the validation texts.

A stateful file is published where its bits on a validation text are those of its file
of whole windows; both round differently in int8.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.selection.pareto_table import BASELINE
from pipeline.compress.stateful.publish import publish
from pipeline.compress.variant import BuildContext, VariantResult
from pipeline.core.determinism import derive_seed
from pipeline.core.json_io import write_json
from pipeline.inference.interpreter import LiteModel
from pipeline.inference.sampling import continue_text
from pipeline.inference.step_models import STATEFUL as FOLDER
from pipeline.inference.step_models import StatefulModel, StepModel, WindowModel
from pipeline.tasks.text_tokens import Tokens, tokens_of

SAMPLES = "samples.json"
COMPARED = 8  # validation windows on which both files are compared
TOLERANCE = 0.02  # of the bits
SEQUENCES = 2  # of golden vectors
PROMPTS, PROMPT_TOKENS, LENGTH = 3, 24, 240
TEMPERATURES = (0.0, 0.7)


def write(
    results: Sequence[VariantResult],
    chosen: str | None,
    context: BuildContext,
    out: Path,
) -> None:
    """Publish the stateful files, and samples of the baseline and the chosen file.

    Args:
        results: of all variants.
        chosen: id of the chosen file, or None.
        context: working folders and data.
        out: the folder that is published.
    """
    windows = np.asarray(context.data.calibration().x[:SEQUENCES])

    def check(model: StatefulModel, whole: Path) -> str | None:
        return _difference(model, whole, context)

    publish(results, chosen, context, out, check, ("tokens", windows))
    tokens = tokens_of(context.data.spec)
    if tokens is not None:
        names = dict.fromkeys([BASELINE, *([chosen] if chosen else [])])
        models = {name: _model(name, results, context, out) for name in names}
        write_json(out / SAMPLES, samples(models, tokens, context))


def samples(
    models: dict[str, StepModel], tokens: Tokens, context: BuildContext
) -> dict[str, Any]:
    """Return what models make of equal prompts, with equal draws.

    Args:
        models: id of a variant -> its model.
        tokens: of the data.
        context: seed and validation texts, from which prompts are taken.
    """
    x, rows = context.data.validation().x, []
    starts = np.linspace(0, len(x) - 1, PROMPTS + 1).astype(int)[:PROMPTS]
    for number, start in enumerate(starts):
        prompt = [int(n) for n in x[start] if n][:PROMPT_TOKENS]
        for temperature in TEMPERATURES:
            seed = derive_seed(context.seed, "sample", number)
            texts = {
                name: continue_text(model, prompt, tokens, LENGTH, temperature, seed)
                for name, model in models.items()
            }
            row = {"prompt": tokens.decode(prompt), "temperature": temperature}
            rows.append({**row, "texts": texts})
    return {"samples": rows}


def sequence_bits(model: StepModel, window: np.ndarray) -> float:
    """Compute the bits of a window, read token by token.

    Args:
        model: reads from the beginning.
        window: token numbers, `(steps,)`; 0 is padding.
    """
    model.reset()
    bits, tokens = 0.0, [int(number) for number in window if number]
    for number, following in pairwise(tokens):
        logits = model.read(number).astype(np.float64)
        largest = logits.max()
        total = largest + np.log(np.exp(logits - largest).sum())
        bits += (total - logits[following]) / np.log(2)
    return bits


def _difference(
    model: StatefulModel, whole_file: Path, context: BuildContext
) -> str | None:
    """Return a note if a stateful file predicts otherwise than that of windows."""
    x = context.data.validation().x[:COMPARED]
    whole = LiteModel(whole_file, context.data.spec)
    evidence = context.metric.evidence(whole.logits(x), x, np.zeros(len(x)))
    bits = sum(sequence_bits(model, window) for window in x)
    difference = abs(bits - evidence.sum()) / max(float(evidence.sum()), 1e-9)
    if difference <= TOLERANCE:
        return None
    return (
        f"its file that reads token by token differs by {100 * difference:.1f} % in "
        "bits from that of whole windows and is left out; generate reads whole windows"
    )


def _model(
    name: str, results: Sequence[VariantResult], context: BuildContext, out: Path
) -> StepModel:
    path = out / FOLDER / f"{name}.tflite"
    if path.is_file():
        return StatefulModel(path, context.threads)
    result = next(r for r in results if r.variant.id == name)
    file = context.folder_of(result.variant) / "model.tflite"
    return WindowModel(file, context.data.spec, context.threads)
