"""Growth of the data stage, of training batches and of `status` with the data.

In: generated JPEG images of 64x64 in tar shards, and tables in CSV files. Out: seconds,
peak memory and disk per size, the factors of growth, and the rate of decoding against
a plain tf.data pipeline; exit code 1 when time grows faster than the data.
Run: make bench-scale                (python -m benchmarks.scale)
     make bench-scale SCALE=full     1,000,000 images and 10,000,000 rows: 40 GB of disk

Every step runs in processes of its own: `run data` and `status` of the command line in
a temporary folder, and an epoch of batches from its result. Times are those of the
processor, because other load on the machine does not count there; those of `status`
are of the clock.
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

SIZES = {"small": (2_000, 20_000), "full": (10_000, 1_000_000)}
ROWS = {"small": (20_000, 200_000), "full": (1_000_000, 10_000_000)}
SHAPE, CLASSES, BATCH, PER_SHARD = (64, 64, 3), 10, 64, 10_000
COLUMNS = 8
DECODED = 2_000  # images for the rate of decoding
MAX_GROWTH = 1.05  # of the time, divided by that of the data
RATE = 0.9  # of a plain tf.data pipeline

Figures = dict[str, float]


def main(scale: str = "small") -> int:
    """Print one line per size and step; return 1 when a target is missed."""
    images = _growth("images", SIZES[scale], write_images, image_settings)
    rows = _growth("rows", ROWS[scale], write_table, table_settings)
    with tempfile.TemporaryDirectory() as folder:
        ratio = _decoding(Path(folder))
    return 0 if images and rows and ratio >= RATE else 1


def _growth(
    kind: str,
    counts: tuple[int, int],
    write: Callable[[Path, int], None],
    settings: Callable[[Path], str],
) -> bool:
    """Measure both sizes, and print the factors of growth."""
    few, many = (_measured(kind, count, write, settings) for count in counts)
    factor, linear = counts[1] / counts[0], True
    for name in ("data s", "epoch s"):
        growth = many[name] / few[name]
        linear &= growth <= factor * MAX_GROWTH
        print(f"{kind}: {factor:g} times the data, {growth:.1f} times {name}")
    for name in ("data MB", "epoch MB"):
        added = many[name] - few[name]
        print(f"{kind}: {name} {added:+,.0f} ({many[name] / few[name] - 1:+.0%})")
    return linear


def _measured(
    kind: str,
    count: int,
    write: Callable[[Path, int], None],
    settings: Callable[[Path], str],
) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, count)
        experiment = folder / "experiments" / "scale"
        experiment.mkdir(parents=True)
        (experiment / "experiment.yaml").write_text(settings(folder))
        figures = {
            **_step("data", folder),
            "source MB": _megabytes(folder / "source"),
            "stored MB": _megabytes(experiment / "data"),
            **_step("epoch", folder),
            "status s": _status(folder),
        }
    shown = "  ".join(f"{key} {value:,.1f}" for key, value in figures.items())
    print(f"{count:10,d} {kind}  {shown}", flush=True)
    return figures


def _step(step: str, folder: Path) -> Figures:
    """Run a step in a process that measures its children."""
    command = [sys.executable, "-m", "benchmarks.scale", step, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    return {f"{step} s": seconds, f"{step} MB": megabytes}


def _status(folder: Path) -> float:
    """Return the seconds of the best of three `status`."""
    command, seconds = [sys.executable, "-m", "pipeline", "status", "--exp=scale"], []
    for _ in range(3):
        begin = time.perf_counter()
        subprocess.run(
            command, cwd=folder, check=True, env=_paths(), stdout=subprocess.PIPE
        )
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def _paths() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def _megabytes(folder: Path) -> float:
    files = (path.stat() for path in folder.rglob("*") if path.is_file())
    return sum(file.st_size for file in files) / 1e6


def image_settings(folder: Path) -> str:
    """Return the experiment file of images.

    Args:
        folder: holds the folder `source`.
    """
    return f"data:\n  source: webdataset:{folder / 'source'}\n  cache: shards\n"


def table_settings(folder: Path) -> str:
    """Return the experiment file of a table.

    Args:
        folder: holds the folder `source`.
    """
    return f"data:\n  source: csv:{folder / 'source' / 'table.csv'}\n"


def encoded_images(count: int) -> Iterator[bytes]:
    """Yield different JPEG images: coarse colors with details in one corner."""
    from PIL import Image

    rng = np.random.default_rng(1)
    for _ in range(count):
        coarse = rng.integers(0, 256, (6, 6, 3), np.uint8)
        image = Image.fromarray(coarse).resize(SHAPE[:2], Image.Resampling.BICUBIC)
        content = io.BytesIO()
        image.save(content, "JPEG", quality=90)
        yield content.getvalue()


def write_images(folder: Path, count: int) -> None:
    """Write tar shards of images with class numbers.

    Args:
        folder: receives the folder `source`.
        count: number of images.
    """
    root, images = folder / "source", encoded_images(count)
    root.mkdir()
    for begin in range(0, count, PER_SHARD):
        with tarfile.open(root / f"part-{begin // PER_SHARD:05d}.tar", "w") as archive:
            for number in range(begin, min(begin + PER_SHARD, count)):
                label = str(number % CLASSES).encode()
                for kind, content in (("jpg", next(images)), ("cls", label)):
                    info = tarfile.TarInfo(f"{number:08d}.{kind}")
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))


def write_table(folder: Path, count: int) -> None:
    """Write a CSV file of random numbers and two classes, in pieces.

    Args:
        folder: receives the folder `source`.
        count: number of rows.
    """
    (folder / "source").mkdir()
    rng = np.random.default_rng(1)
    names = [f"column{k}" for k in range(COLUMNS)]
    with (folder / "source" / "table.csv").open("w") as file:
        file.write(",".join([*names, "label"]) + "\n")
        for begin in range(0, count, PER_SHARD):
            values = rng.normal(size=(min(PER_SHARD, count - begin), COLUMNS))
            for row in values.round(4).tolist():
                file.write(",".join(map(str, [*row, "ab"[row[0] > 0]])) + "\n")


def data(folder: Path) -> None:
    """Run the data stage through the command line."""
    command = [sys.executable, "-m", "pipeline", "run", "data", "--exp=scale"]
    subprocess.run(command, cwd=folder, check=True, env=_paths(), stdout=sys.stderr)


def epoch(folder: Path) -> None:
    """Read an epoch of training batches in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale", "batches", str(folder)]
    subprocess.run(command, check=True, env={**_paths(), "TF_CPP_MIN_LOG_LEVEL": "3"})


def batches(folder: Path) -> None:
    """Iterate over one epoch of training batches."""
    from pipeline.data.artifact import read_data
    from pipeline.training.batches import training_batches

    data = read_data(folder / "experiments" / "scale" / "data")
    for _ in training_batches(data.train(), data.spec, BATCH, range(1), 1, None):
        pass


def measure(step: Callable[[Path], None], folder: Path) -> None:
    """Print processor seconds and peak memory in MB of the processes of a step."""
    step(folder)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    print(json.dumps([seconds, megabytes]))


def _decoding(folder: Path) -> float:
    """Print the rates of decoding and resizing files, ours and tf.data's."""
    for number, content in enumerate(encoded_images(DECODED)):
        (folder / f"{number:06d}.jpg").write_bytes(content)
    files, best = sorted(folder.glob("*.jpg")), {"ours": 0.0, "tf.data": 0.0}
    import_tensorflow = plain_pipeline(files)
    for _ in range(3):
        for name, decode in (("ours", our_decoding), ("tf.data", import_tensorflow)):
            with tempfile.TemporaryDirectory() as scratch:
                begin = time.perf_counter()
                decode(files, Path(scratch))
                rate = len(files) / (time.perf_counter() - begin)
            best[name] = max(best[name], rate)
    ratio = best["ours"] / best["tf.data"]
    rates = ", ".join(f"{name} {rate:,.0f}/s" for name, rate in best.items())
    print(f"decoding JPEG and resizing: {rates}, ratio {ratio:.2f}")
    return ratio


def our_decoding(files: list[Path], scratch: Path) -> None:
    """Decode and resize files as the data stage does."""
    from functools import partial

    from pipeline.data.folders import BadFileError
    from pipeline.data.image_files import read_image
    from pipeline.data.image_steps import DecodeImage, Resize
    from pipeline.data.parallel import BlockPlan, decoded_blocks
    from pipeline.engine.stage import silent

    decode, resize = DecodeImage((255, 255, 255)), Resize(32, 32, 3)
    read = partial(read_image, channels=3, decode=decode, resize=resize, limit=100)
    dtype = np.dtype(np.uint8)
    plan = BlockPlan(read, BadFileError, (32, 32, 3), str, dtype, scratch, False)
    for _ in decoded_blocks(files, plan, silent):
        pass


def plain_pipeline(files: list[Path]) -> Callable[[list[Path], Path], None]:
    """Prepare the same work with tf.data, in parallel and in order."""
    import tensorflow as tf

    def load(name: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_jpeg(tf.io.read_file(name), 3)
        return tf.cast(tf.image.resize(image, (32, 32), antialias=True), tf.uint8)

    def run(files: list[Path], scratch: Path) -> None:
        names = tf.data.Dataset.from_tensor_slices(list(map(str, files)))
        for _ in names.map(load, tf.data.AUTOTUNE).batch(BATCH).prefetch(2):
            pass

    run(files[:BATCH], Path())
    return run


if __name__ == "__main__":
    if len(sys.argv) == 3:
        if sys.argv[1] == "batches":
            batches(Path(sys.argv[2]))
        else:
            measure({"data": data, "epoch": epoch}[sys.argv[1]], Path(sys.argv[2]))
    else:
        sys.exit(main(*sys.argv[1:]))
