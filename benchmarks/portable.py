"""`portability: portable`: what it costs, and which operators differ without it.

In: nothing. Out: a row per image size: images per second with the pins of `native` and
`portable`, as the best of three epochs of the builder `cnn` on noise. Then a row per
imitated processor: the operators that compute other bits than here, with the pins of
both, and the names of the first ones. Exit code 1 if one differs in portable mode.
Run: make bench-portable     (python -m benchmarks.portable)
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import processors
from pipeline.core.determinism import apply_pins, pins

ROOT = Path(__file__).resolve().parents[1]
SIZES = (8, 28)
EXAMPLES = {8: 2048, 28: 512}
FIRST = 3  # operators named in a row
EPOCHS = 4  # the first one includes tracing and is not counted


def main() -> int:
    """Print both tables."""
    _print_speed()
    return _print_operators()


def _print_operators() -> int:
    """Compare every operator under every setting with this processor."""
    print(f"\n{'operators that differ':<26}{'native':>10}{'portable':>10}  first ones")
    modes = ("native", "portable")
    with tempfile.TemporaryDirectory() as scratch:
        plain = {mode: _operators(Path(scratch), mode, {}) for mode in modes}
        failed = False
        for name, variables in processors.SETTINGS.items():
            differing = {}
            for mode in modes:
                arrays = _operators(Path(scratch), mode, variables)
                differing[mode] = [
                    key
                    for key, array in arrays.items()
                    if array.tobytes() != plain[mode][key].tobytes()
                ]
            counts = "".join(f"{len(differing[mode]):>10}" for mode in modes)
            first = ", ".join((differing["portable"] or differing["native"])[:FIRST])
            print(f"{name:<26}{counts}  {first}", flush=True)
            failed = failed or bool(differing["portable"])
    return int(failed)


def _operators(
    scratch: Path, mode: str, variables: dict[str, str]
) -> dict[str, np.ndarray]:
    """Results of all operators; what `portable` pins, a setting cannot change."""
    pinned = pins(1, mode)
    both = {**variables, **pinned} if mode == "portable" else {**pinned, **variables}
    file = scratch / "operators.npz"
    processors.run_python(["-m", "benchmarks.operators", str(file)], both)
    with np.load(file) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _print_speed() -> None:
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


def _measure(size: int, portability: str) -> dict:
    """Images per second and the hash of the weights, from a process with the pins."""
    pinned = {**os.environ, **pins(1, portability), "PYTHONPATH": str(ROOT)}
    call = [sys.executable, "-m", "benchmarks.portable", str(size)]
    process = subprocess.run(
        call, env=pinned, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(process.stdout.splitlines()[-1])


def train(size: int) -> dict:
    """Fit the builder `cnn` on noise.

    Returns:
        `rate`, images per second of the best epoch, and `hash` of the final weights.
    """
    apply_pins()
    import keras

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
