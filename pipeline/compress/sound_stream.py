"""Files that read sound frame by frame, beside the files of whole clips.

In: the built variants. Out: stateful/<id>.tflite, which reads one frame of features at
a time; stateful/<id>.npz, its golden sequences: frames and the logits after each;
best_stateful.tflite.

A stateful file is published where its outputs after the last frame of a clip are those
of its file of whole clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.compress.stateful.publish import golden, publish
from pipeline.compress.variant import BuildContext, VariantResult
from pipeline.inference.interpreter import LiteModel, dequantize
from pipeline.inference.step_models import FRAME, LOGITS, StatefulModel

COMPARED = 4  # validation clips on which both files are compared
SEQUENCES = 2  # of golden vectors
TOLERANCE = 0.02  # of the span of the outputs, where one quantization step is less


def write(
    results: Sequence[VariantResult],
    chosen: str | None,
    context: BuildContext,
    out: Path,
) -> None:
    """Publish the stateful files of all variants that have one.

    Args:
        results: of all variants.
        chosen: id of the chosen file, or None.
        context: working folders and data.
        out: the folder that is published.
    """
    spec, data = context.data.spec, context.data
    raw = np.asarray(data.validation().x[:COMPARED])

    def check(model: StatefulModel, whole: Path) -> str | None:
        expected = LiteModel(whole, spec).logits(raw)
        return difference(model, expected, spec.to_input(raw))

    frames = spec.to_input(np.asarray(data.calibration().x[:SEQUENCES]))
    publish(results, chosen, context, out, check, (f"{FRAME}s", frames))


def difference(
    model: StatefulModel, expected: np.ndarray, clips: np.ndarray
) -> str | None:
    """Return a note if outputs after the last frame differ from those of whole clips.

    Args:
        model: reads frame by frame.
        expected: outputs for whole clips, `(n, outputs)`.
        clips: model inputs, `(n, frames, ...)`.
    """
    details = model.outputs[LOGITS]
    received = dequantize(golden(model, clips)[:, -1], details)
    largest = float(np.abs(received - expected).max())
    step, span = float(details["quantization"][0]), float(np.ptp(expected))
    if largest <= max(1.01 * step, TOLERANCE * span):
        return None
    return (
        f"its file that reads frame by frame differs by {largest:.2g} from that of "
        f"whole clips, whose outputs span {span:.2g}, and is left out"
    )
