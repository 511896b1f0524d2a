"""Peak resident memory of the data stage and of augmented training batches.

In: a generated .npz file of 20,000 and of 200,000 images (32, 32, 3) uint8, and a table
of 2,000,000 rows of 16 float32; needs 3 GB in the temporary folder. Out: the peak in MB
of each step and count, and the growth; for the table, bytes per row above the memory
of the process before it reads.
Run: make bench-memory     (python -m benchmarks.memory)

Every step runs in a fresh process: the data stage on the file, then one epoch of
augmented batches from its result.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

COUNTS = (20_000, 200_000)
CLASSES, SHAPE, BATCH = 10, (32, 32, 3), 128
CHUNK = 5_000
ROWS, COLUMNS = 2_000_000, 16


def main() -> None:
    """Print one line per step and count, and the growth of the peaks."""
    peaks: dict[str, list[int]] = {"data": [], "augment": []}
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            generate(Path(folder) / "images.npz", count)
            for step, megabytes in peaks.items():
                megabytes.append(peak(step, folder))
                shown = f"{step:8s} {count:8,d} images  {megabytes[-1]:6,d} MB"
                print(shown, flush=True)
    for step, (few, many) in peaks.items():
        factor = COUNTS[1] // COUNTS[0]
        print(f"{step:8s} {many - few:+,d} MB for {factor} times as many images")
    with tempfile.TemporaryDirectory() as folder:
        generate_table(Path(folder) / "images.npz")
        added = peak("table", folder) * 2**20 / ROWS
        numbers = COLUMNS * np.dtype(np.float32).itemsize
        print(f"table    {added:,.0f} bytes per row, of which {numbers} are numbers")


def generate(path: Path, count: int) -> None:
    """Write random images in chunks, so that they are never in memory at once."""
    rng = np.random.default_rng(1)
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("x.npy", "w", force_zip64=True) as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, *SHAPE)}
            np.lib.format.write_array_header_1_0(file, header)
            for _ in range(count // CHUNK):
                file.write(rng.integers(0, 256, (CHUNK, *SHAPE), np.uint8).tobytes())
        with archive.open("y.npy", "w") as file:
            np.lib.format.write_array(file, np.arange(count) % CLASSES)


def generate_table(path: Path) -> None:
    """Write random numbers and three classes."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    np.savez(path, x=x, y=rng.integers(0, 3, ROWS))


def peak(step: str, folder: str) -> int:
    """Peak resident memory of one step in a fresh process, in MB."""
    command = [sys.executable, "-m", "benchmarks.memory", step, folder]
    process = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return int(process.stdout.split()[-1])


def data(folder: Path) -> None:
    """Run the data stage."""
    from pipeline.data.params import DataParams
    from pipeline.data.stage import run
    from pipeline.engine.stage import Inputs

    (folder / "data").mkdir()
    source = f"npz:{folder / 'images.npz'}"
    run(DataParams(source=source), Inputs({}, seed=1), folder / "data")


def table(folder: Path) -> None:
    """Run the data stage, and print what it adds to the memory of the process."""
    import pipeline.data.stage  # noqa: F401  belongs to the process

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    data(folder)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)


def augment(folder: Path) -> None:
    """Iterate over one epoch of augmented training batches."""
    from pipeline.augment.policy import Policy
    from pipeline.data.artifact import read_data
    from pipeline.training.batches import training_batches

    data = read_data(folder / "data")
    policy = Policy("pad(4) | random_crop(32) | flip", 7)
    for _ in training_batches(data.train(), data.spec, BATCH, range(1), 1, policy):
        pass


if __name__ == "__main__":
    if len(sys.argv) == 3:
        steps = {"data": data, "augment": augment, "table": table}
        steps[sys.argv[1]](Path(sys.argv[2]))
        if sys.argv[1] != "table":
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    else:
        main()
