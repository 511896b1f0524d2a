"""Cost of `portability: portable`: training speed with its pins and without.

In: nothing. Out: one row per image size: images per second of both settings, as the
best of three epochs of the builder `cnn` on noise, and whether the weights are equal.
Run: make bench-portable     (python -m benchmarks.portable)
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from pipeline.core.determinism import pins

ROOT = Path(__file__).resolve().parents[1]
SIZES = (8, 28)
EXAMPLES = {8: 2048, 28: 512}
EPOCHS = 4  # the first one includes tracing and is not counted


def main() -> int:
    """Time every size with both sets of pins, each in a fresh process."""
    print(f"{'images':<10}{'native':>14}{'portable':>14}{'speed':>8}  bits")
    for size in SIZES:
        rows = {name: _measure(size, name) for name in ("native", "portable")}
        native, portable = (row["rate"] for row in rows.values())
        equal = rows["native"]["hash"] == rows["portable"]["hash"]
        print(
            f"{f'{size}x{size}':<10}{native:>10.0f}/s  {portable:>10.0f}/s  "
            f"{portable / native:>5.2f}x  {'equal' if equal else 'different'}"
        )
    return 0


def _measure(size: int, portability: str) -> dict:
    """Images per second and the hash of the weights, from a process with the pins."""
    pinned = {**os.environ, **pins(1, portability), "PYTHONPATH": str(ROOT)}
    call = [sys.executable, __file__, str(size)]
    process = subprocess.run(
        call, env=pinned, capture_output=True, text=True, check=True
    )
    return json.loads(process.stdout.splitlines()[-1])


def train(size: int) -> dict:
    """Fit the builder `cnn` on noise.

    Returns:
        `rate`, images per second of the best epoch, and `hash` of the final weights.
    """
    import keras
    import numpy as np

    from pipeline.data.spec import TaskSpec
    from pipeline.models import registry

    shape, classes = (size, size, 1), tuple("0123456789")
    spec = TaskSpec("noise", "noise", shape, "float32", classes)
    model = registry.build("cnn", {}, spec, seed=1)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(1)
    x = rng.random((EXAMPLES[size], *shape), np.float32)
    y = rng.integers(0, 10, EXAMPLES[size])
    seconds = []
    for _ in range(EPOCHS):
        begin = time.perf_counter()
        model.fit(x, y, batch_size=32, shuffle=False, verbose=0)
        seconds.append(time.perf_counter() - begin)
    content = b"".join(weight.tobytes() for weight in model.get_weights())
    digest = hashlib.sha256(content).hexdigest()
    return {"rate": EXAMPLES[size] / min(seconds[1:]), "hash": digest}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(train(int(sys.argv[1]))))
    else:
        sys.exit(main())
