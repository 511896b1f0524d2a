"""Every reader of a file from elsewhere, with a small valid file that it reads.

In: `READERS`, name -> reader. Out: the number of mutants that were read.
Run: python -m tests.helpers.fuzz_readers NAME COUNT
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import wavfile

from pipeline.core.hashing import hash_value
from pipeline.core.json_io import json_bytes
from pipeline.data.array_files import read_npy
from pipeline.data.delimited import open_rows
from pipeline.data.image_files import bits_of, read_image
from pipeline.data.image_steps import DecodeImage, Resize
from pipeline.data.sources.params import ColumnParams
from pipeline.data.wav_files import rate_of, samples
from tests.helpers import fuzz_models_and_masks as more
from tests.helpers import published
from tests.helpers.fuzzing import Reader, failures
from tests.helpers.mutations import (
    json_or_bytes_changed,
    text_changed,
    zip_changed,
)
from tests.helpers.project import ROOT

PIXELS = np.random.default_rng(1).integers(0, 256, (9, 8, 3), np.uint8)
CSV = b"\xef\xbb\xbfa;b;label\n" + b"1,5;2;x\n-3,25;1e3;y\n" * 10
LIMIT = 1_000_000  # bytes of decompressed rows
MLP_SHAPE = (6, 5, 1)  # of the input of mlp-int8.tflite
LARGEST = 20_000_000  # bytes of decompressed arrays and models


# ---------------------------------------------------------------- data


def image(kind: str) -> bytes:
    """A picture in a format of Pillow."""
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, kind)
    return stream.getvalue()


def deep_image() -> bytes:
    """A picture of 16 bits."""
    stream = io.BytesIO()
    Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257).save(stream, "PNG")
    return stream.getvalue()


def wav() -> bytes:
    """A short clip."""
    stream = io.BytesIO()
    wavfile.write(stream, 8000, (np.sin(np.arange(200)) * 9000).astype(np.int16))
    return stream.getvalue()


def npy() -> bytes:
    """An array."""
    stream = io.BytesIO()
    np.save(stream, PIXELS.astype(np.float32))
    return stream.getvalue()


def npz() -> bytes:
    """An archive of two arrays."""
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.arange(80.0).reshape(40, 2), y=np.arange(40) % 2)
    return stream.getvalue()


def parquet_file() -> bytes:
    """A table in Parquet."""
    import pyarrow
    from pyarrow import parquet

    stream = io.BytesIO()
    columns = {"a": list(range(40)), "label": ["x", "y"] * 20}
    parquet.write_table(pyarrow.table(columns), stream)
    return stream.getvalue()


def read_picture(path: Path) -> None:
    """Read a picture as both the data stage and `predict` do."""
    bits_of(path)
    decode = DecodeImage((255, 255, 255), bits=16)
    read_image(path, 1, decode, Resize(4, 4, 1, "pad"), limit=1)
    read_image(path, 3, DecodeImage((0, 0, 0)), None, limit=1)


def read_sound(path: Path) -> None:
    """Read a clip."""
    rate_of(path)
    samples(path)


def read_rows(path: Path) -> None:
    """Read all rows of a table."""
    file = open_rows(path, ColumnParams(), LIMIT)
    rows = list(zip(*(row for _, row in file.rows() if len(row) == len(file.header))))
    for cells in rows:
        file.numbers(list(cells))


def read_source(path: Path, kind: str, **settings: Any) -> None:
    """Read and split a source as the data stage does."""
    from pipeline.data.merge import read_sources
    from pipeline.data.params import DataParams
    from pipeline.data.sources.reader import ReadContext

    scratch = path.parent / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    limits: Any = {"decompressed_megabytes": LARGEST // 1_000_000}
    params = DataParams(source=f"{kind}:{path}", limits=limits, **settings)
    read_sources(params, ReadContext(params, scratch), 5)


# ---------------------------------------------------------------- experiments


def experiment_file() -> bytes:
    """The experiment file of the repository's example."""
    return (ROOT / "experiments" / "digits" / "experiment.yaml").read_bytes()


def read_experiment_file(path: Path) -> None:
    """Read an experiment file with all checks."""
    from pipeline.experiment.loader import read_experiment

    read_experiment(path.parent)


def lock() -> bytes:
    """A lock of two stages, sealed as `lock` does."""
    document = json.loads((ROOT / "experiments/smoke/experiment.lock").read_text())
    document["chain"] = ["data", "augment"]
    document["stages"] = {name: document["stages"][name] for name in document["chain"]}
    modules = {m for stage in document["stages"].values() for m in stage["modules"]}
    document["code"] = {name: document["code"][name] for name in sorted(modules)}
    return json_bytes(document)


def lock_changed(seed: bytes, random: Random) -> bytes:
    """Change a lock, and make the fingerprints those of what it holds."""
    content = json_or_bytes_changed(seed, random)
    return _refingerprinted(content) if random.random() < 0.5 else content


def _refingerprinted(content: bytes) -> bytes:
    try:
        document = json.loads(content)
        for recording in (document, *document.get("more_environments", ())):
            for name in document["chain"]:
                shared = document["stages"][name]
                recorded = recording["stages"][name]
                parts = {
                    "params": shared["params"],
                    "settings": recording["settings"],
                    "inputs": recorded["inputs"],
                    "sources": shared["sources"],
                    "code": {m: document["code"][m] for m in shared["modules"]},
                    "libraries": recorded["libraries"],
                }
                recorded["fingerprint"] = hash_value(parts)
        return json.dumps(document).encode()
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return content


def read_lock_file(path: Path) -> None:
    """Compare published stages with a lock, as `verify` does, and with itself."""
    from pipeline.experiment.stages import CHAIN
    from pipeline.reproduce.lock_file import read_lock, write_lock
    from pipeline.reproduce.locking import verify
    from pipeline.reproduce.metric_check import check_metrics

    verify(path.parent, CHAIN[:2])
    snapshots = read_lock(path)
    check_metrics(snapshots[0], snapshots[-1])
    write_lock(path.with_name("copy.lock"), snapshots)


# ---------------------------------------------------------------- published JSON


def published_file(name: str) -> bytes:
    """The content of a file of `tests.helpers.published.experiment`."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return (published.experiment(Path(folder)) / name).read_bytes()


def _placed(path: Path, name: str, reseal: bool = True) -> Path:
    """Put a mutant into an experiment, with records that fit; return its folder."""
    folder = path.parent / "toy"
    if not folder.exists():
        published.experiment(path.parent)
        shutil.copytree(folder, path.parent / "whole" / "toy")
    target = folder / name
    target.write_bytes(path.read_bytes())
    if reseal:
        published.record(target.parent)
    return folder


def read_summary(path: Path) -> None:
    """Show the result of a finished experiment."""
    from pipeline.results import comparison, summary

    folder = _placed(path, "report/summary.json")
    result = summary.read(folder)
    summary.text(folder, result)
    summary.exit_code(result)
    comparison._results([folder, folder], [result, result])


def read_pareto(path: Path) -> None:
    """Show the result of compress-file, and find the file for a prediction."""
    from pipeline.inference import predict
    from pipeline.results import single_file

    folder = _placed(path, "compress/pareto.json")
    result = single_file.read(folder)
    single_file.text(folder, result, "predict")
    single_file.exit_code(result)
    pareto = predict._pareto(folder)
    predict._file(folder, None, pareto["points"])
    predict._point(pareto, "student | int8")


def read_signature(path: Path) -> None:
    """Read the signature of the data, and preprocess an example with it."""
    from pipeline.data.artifact import read_data
    from pipeline.inference.predict import preprocess
    from pipeline.inference.raw_examples import RawExamples
    from pipeline.tasks.prediction import prediction_of
    from pipeline.tasks.registry import task_of

    folder = _placed(path, "data/spec.json")
    data = read_data(folder / "data")
    task_of(data.spec).output_shape(data.spec)
    prediction_of(data.spec)
    raw = np.zeros((1, 4, 6, 1), np.uint8)
    data.spec.to_input(preprocess(RawExamples("a.npy", ["a"], raw), data))


def read_stage_record(path: Path) -> None:
    """Read stage.json wherever the engine does."""
    from pipeline.engine import published as checked
    from pipeline.engine import stage_record

    folder = _placed(path, "data/stage.json", reseal=False) / "data"
    stage_record.content(folder)
    stage_record.recorded_sources(folder)
    stage_record.changed_inputs(folder.parent, "data")
    checked.published(folder, "spec.json")
    stage_record.read_record(folder)


def read_run_record(path: Path) -> None:
    """Read run.json wherever results are shown."""
    from pipeline.engine import published as checked
    from pipeline.engine import run_record
    from pipeline.results import summary

    folder = _placed(path, "data/run.json", reseal=False) / "data"
    run_record.verify_volatile(folder)
    checked.recorded_hashes(folder)
    summary.read_stage(folder)


def read_metrics(path: Path) -> None:
    """Read metrics.json of a stage."""
    from pipeline.core.json_io import read_checked
    from pipeline.engine.plan import MetricsSchema
    from pipeline.engine.terminal import line

    line("data", "cached", "", read_checked(path, MetricsSchema).get("headline", ""))


def _resealed(seed: bytes, random: Random, key: str, of: Callable[[Any], Any]) -> bytes:
    """Change a record and make its own checksum right, half of the times."""
    content = json_or_bytes_changed(seed, random)
    try:
        value = json.loads(content)
        if random.random() < 0.5:
            value[key] = hash_value(of(value))
            return json.dumps(value).encode()
    except (ValueError, TypeError, KeyError):
        pass
    return content


stage_changed = partial(_resealed, key="fingerprint", of=lambda value: value["parts"])
run_changed = partial(
    _resealed,
    key="digest",
    of=lambda value: {k: v for k, v in value.items() if k != "digest"},
)


# ---------------------------------------------------------------- models


def keras_config() -> dict[str, Any]:
    """The config.json of a Sequential model of one Dense layer."""

    def layer(module: str, kind: str, name: str, **config: Any) -> dict[str, Any]:
        return {
            "module": module,
            "class_name": kind,
            "config": {"name": name, "dtype": "float32", **config},
            "registered_name": None,
        }

    dense = {"units": 2, "activation": "softmax", "use_bias": True}
    layers = [
        layer("keras.layers", "InputLayer", "in", batch_shape=[None, 3]),
        layer("keras.layers", "Dense", "dense", trainable=True, **dense),
    ]
    layers[1]["build_config"] = {"input_shape": [None, 3]}
    model = {"name": "tiny", "trainable": True, "layers": layers}
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {**model, "build_input_shape": [None, 3]},
        "registered_name": "Sequential",
        "build_config": {"input_shape": [None, 3]},
    }


def keras_file() -> bytes:
    """A .keras file with weights, as Keras 3 writes it."""
    import zipfile

    import h5py

    weights, stream = io.BytesIO(), io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_group("vars")
        variables = file.create_group("layers/dense/vars")
        variables["0"], variables["1"] = np.ones((3, 2), "f4"), np.zeros(2, "f4")
    facts = {"keras_version": "3.15.0", "date_saved": "1980-01-01@00:00:00"}
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("config.json", json.dumps(keras_config()))
        archive.writestr("metadata.json", json.dumps(facts))
        archive.writestr("model.weights.h5", weights.getvalue())
    return stream.getvalue()


def keras_changed(seed: bytes, random: Random) -> bytes:
    """Change a .keras file: its members by what they hold."""
    return zip_changed(seed, random, {".json": json_or_bytes_changed})


def check_keras(path: Path) -> None:
    """Check a model as `compress-file` does before anything is loaded."""
    from pipeline.compress.import_model.archive import (
        check_archive,
        input_shape,
        takes_tokens,
    )

    check_archive(path)
    input_shape(path)
    takes_tokens(path)


def load_keras(path: Path) -> None:
    """Check a model, and load it where the check accepts it."""
    from pipeline.models.files import load_model

    check_keras(path)
    load_model(path)


def tflite(name: str) -> bytes:
    """A .tflite file of one of the package's builders."""
    return gzip.decompress((ROOT / f"tests/device_files/{name}.tflite.gz").read_bytes())


def read_tflite(path: Path) -> None:
    """Read the facts of a .tflite file, and its memory on a device."""
    from pipeline.compress.tflite import arena
    from pipeline.compress.tflite.inspect import read_facts, stored_tensors

    content = path.read_bytes()
    read_facts(content)
    stored_tensors(content)
    arena.estimate(content)
    arena.peak(content)
    arena.operator_kinds(content)


def run_tflite(path: Path) -> None:
    """Open a .tflite file and run an example."""
    from pipeline.inference.interpreter import LiteModel

    model = LiteModel(path, replace(published.SPEC, shape=MLP_SHAPE))
    model.logits(np.zeros((1, *MLP_SHAPE), np.uint8))


Bytes = Callable[[], bytes]
PICTURES: dict[str, Bytes] = {
    kind.lower(): partial(image, kind)
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
} | {"deep.png": deep_image}
READERS: dict[str, Reader] = {
    **{
        name: Reader(f"a.{name.rpartition('.')[2]}", seed, read_picture)
        for name, seed in PICTURES.items()
    },
    "wav": Reader("a.wav", wav, read_sound),
    "csv": Reader("a.csv", lambda: CSV, read_rows, text_changed),
    "csv.gz": Reader("a.csv.gz", lambda: gzip.compress(CSV, mtime=0), read_rows),
    "csv source": Reader("a.csv", lambda: CSV, partial(read_source, kind="csv")),
    "parquet": Reader("a.parquet", parquet_file, read_rows),
    "npy": Reader("a.npy", npy, read_npy),
    "npz": Reader("a.npz", npz, partial(read_source, kind="npz"), zip_changed),
    "experiment": Reader(
        "experiment.yaml", experiment_file, read_experiment_file, text_changed, lines=40
    ),
    "lock": Reader("experiment.lock", lock, read_lock_file, lock_changed),
    "stage.json": Reader(
        "a.json",
        partial(published_file, "data/stage.json"),
        read_stage_record,
        stage_changed,
    ),
    "run.json": Reader(
        "a.json", partial(published_file, "data/run.json"), read_run_record, run_changed
    ),
    "metrics.json": Reader(
        "a.json",
        partial(published_file, "data/metrics.json"),
        read_metrics,
        json_or_bytes_changed,
    ),
    "spec.json": Reader(
        "a.json",
        partial(published_file, "data/spec.json"),
        read_signature,
        json_or_bytes_changed,
    ),
    "pareto.json": Reader(
        "a.json",
        partial(published_file, "compress/pareto.json"),
        read_pareto,
        json_or_bytes_changed,
    ),
    "summary.json": Reader(
        "a.json",
        partial(published_file, "report/summary.json"),
        read_summary,
        json_or_bytes_changed,
    ),
    "keras": Reader("a.keras", keras_file, check_keras, keras_changed),
    "keras loaded": Reader(
        "a.keras", keras_file, load_keras, keras_changed, threads=True
    ),
    "tflite": Reader("a.tflite", partial(tflite, "mlp-int8"), read_tflite),
    "tflite run": Reader("a.tflite", partial(tflite, "mlp-int8"), run_tflite),
    "tflite inspected": Reader(
        "a.tflite", partial(tflite, "mlp-int8"), more.inspect_only
    ),
    "keras inspected": Reader("a.keras", keras_file, more.inspect_only, keras_changed),
    **more.READERS,
}


def main(name: str, count: int) -> int:
    """Print the failures of a reader, and their number."""
    failed = failures(name, READERS[name], count)
    print("\n".join(failed))
    print(f"{name}: {count - len(failed):,} of {count:,} mutants passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
