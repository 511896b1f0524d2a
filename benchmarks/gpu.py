"""Training speed on a GPU: the loop of this pipeline against `model.fit` of Keras.

In: noise of 28x28 pixels, and the builder `cnn`. Out: the GPU, examples per second of
both and of a loop written by hand, and the ratios; then the number of fits that its
memory allows at once. Without a GPU, one line that says so, and exit code 0.
Run: make bench-gpu     (python -m benchmarks.gpu)
"""

from __future__ import annotations

import sys

from benchmarks.train import BATCH, CLASSES, measure
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.training.gpu_memory import GIGABYTE, fit_bytes, free_memory
from pipeline.training.precision import has_bfloat16

SIZE = 28
TARGET = 1.15  # ratio to plain fit, that of a CPU


def main() -> int:
    """Print the measurements; return 1 when the ratio is below its target."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        print("no GPU is visible to TensorFlow: nothing was measured")
        return 0
    free = free_memory()  # before TensorFlow takes its part
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
        details = tf.config.experimental.get_device_details(gpu)
        print(details.get("device_name", gpu.name), details.get("compute_capability"))
    print("mixed precision computes in", "bfloat16" if has_bfloat16() else "float32")
    best, speed = measure(SIZE)
    ratio = best["fit"] / best["plain"]
    for name in ("plain", "fit", "limit"):
        print(f"{name:6s} {best[name]:12,.0f} examples/s")
    print(f"fit is {ratio:.2f}x plain, {best['fit'] / best['limit']:.2f}x the limit")
    print(f"first step after {speed['seconds_to_first_step']:.1f} s")
    if free:
        print(fits_at_once(free[0]))
    return 0 if ratio >= TARGET else 1


def fits_at_once(free: int) -> str:
    """Return a line about the fits of the benchmark's model that run at once.

    Args:
        free: bytes of the GPU.
    """
    spec = TaskSpec("noise", "noise", (SIZE, SIZE, 1), "float32", CLASSES)
    needed = fit_bytes(registry.build("cnn", {}, spec, seed=1), BATCH)
    return (
        f"{free / GIGABYTE:.1f} GB free, {needed / GIGABYTE:.2f} GB per fit: "
        f"{free // needed} fits at once"
    )


if __name__ == "__main__":
    sys.exit(main())
