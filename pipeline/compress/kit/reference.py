"""Outputs of LiteRT's reference kernels, which a microcontroller's runtime copies.

In: a file and inputs. Out: outputs. The kernels that LiteRT uses on a computer round
elsewhere and differ by some steps; the reference kernels give the same numbers on every
processor, for integers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def reference_outputs(path: Path, inputs: np.ndarray) -> np.ndarray | None:
    """Run inputs one by one, each from the initial state.

    Args:
        path: a .tflite file.
        inputs: `(n, ...)`, in the dtype of the file's input.

    Returns:
        `(n, ...)`, in the dtype of the output; None where a kernel is missing.
    """
    kernels = OpResolverType.BUILTIN_REF
    try:
        model = Interpreter(str(path), experimental_op_resolver_type=kernels)
        model.allocate_tensors()
        return np.stack([_run(model, example) for example in inputs])
    except (RuntimeError, ValueError):
        return None


def _run(model: Interpreter, example: np.ndarray) -> np.ndarray:
    model.reset_all_variables()
    model.set_tensor(model.get_input_details()[0]["index"], example[None])
    model.invoke()
    output = model.get_tensor(model.get_output_details()[0]["index"])
    return np.array(output[0])
