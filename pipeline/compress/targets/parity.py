"""Compare the outputs of a device's runtime with LiteRT's.

In: outputs of both, in the file's dtype. Out: differences in units of the last place
for integers, absolute ones for floats, and the number of changed predictions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.compress.targets.target import Examples


def compare(outputs: np.ndarray, examples: Examples) -> dict[str, Any]:
    """Compare outputs with those of the examples.

    Args:
        outputs: `(n, ...)`, as the device's runtime returned them.
        examples: with LiteRT's outputs.

    Raises:
        ValueError: for outputs that are not finite numbers.

    Returns:
        `examples`, their number; `largest`, the maximum difference; `different`, the
        number of examples with any difference; for classes `changed_predictions`.
    """
    count = len(examples.outputs)
    expected = examples.outputs.reshape(count, -1)
    actual = outputs.reshape(count, -1)
    wide = np.int64 if np.issubdtype(expected.dtype, np.integer) else np.float64
    differences = np.abs(expected.astype(wide) - actual.astype(wide))
    largest = differences.max(initial=0)
    if not np.isfinite(largest):
        raise ValueError("outputs that are not finite")
    result: dict[str, Any] = {
        "examples": count,
        "largest": int(largest) if wide is np.int64 else float(f"{largest:.3g}"),
        "different": int(differences.any(axis=1).sum()),
    }
    if examples.classes:
        changed = expected.argmax(axis=1) != actual.argmax(axis=1)
        result["changed_predictions"] = int(changed.sum())
    return result
