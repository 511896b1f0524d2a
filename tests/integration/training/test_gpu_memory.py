"""Limits of a GPU, from lists of devices that are made up."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pipeline.core.determinism import pins
from pipeline.core.errors import UserError
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.engine.process_environment import process_environment
from pipeline.models import registry
from pipeline.training import batches, gpu_memory, replicates
from pipeline.training.gpu_memory import (
    CONTEXT,
    check_workers,
    fit_bytes,
    fits_on_device,
    free_memory,
    parsed,
    visible,
)
from pipeline.training.precision import computes_bfloat16

GB = 1_000_000_000
SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b"), scale=1 / 255)


def test_workers_that_do_not_fit_are_refused_with_numbers():
    words = (
        r"`train.workers` is 8: 8 processes of about 1.5 GB each need 12.0 GB on one "
        r"GPU, which has 8.0 GB free; set it to 5"
    )
    with pytest.raises(UserError, match=words):
        check_workers(8, "train.workers", 3 * GB // 2, [8 * GB])
    check_workers(5, "train.workers", 3 * GB // 2, [8 * GB])
    with pytest.raises(UserError, match="use a smaller batch"):
        check_workers(1, "train.workers", 9 * GB, [8 * GB, 80 * GB])


def test_without_a_gpu_nothing_is_refused():
    check_workers(64, "tune.workers", 100 * GB, [])
    assert not fits_on_device(1, [])


def test_more_fits_than_workers_are_no_more_processes(monkeypatch):
    monkeypatch.setattr(gpu_memory, "free_memory", lambda: [2 * CONTEXT])
    monkeypatch.setattr(replicates, "start_method", lambda: "fork")
    tasks = {f"fit {k}": int for k in range(3)}
    assert len(replicates.run_all(tasks, 2, lambda *_, **__: None)) == 3
    with pytest.raises(UserError, match="`train.workers` is 3: 3 processes"):
        replicates.run_all(tasks, 8, lambda *_, **__: None, "train.workers")


def test_the_driver_is_asked_for_mebibytes(tmp_path, monkeypatch):
    assert parsed("11019\n512\n[N/A]\n") == [11019 * 2**20, 512 * 2**20]
    script = tmp_path / "nvidia-smi"
    script.write_text("#!/bin/sh\nprintf '4000\\n8000\\n'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert free_memory({}) == [4000 * 2**20, 8000 * 2**20]
    assert free_memory({"CUDA_VISIBLE_DEVICES": "1"}) == [8000 * 2**20]
    script.write_text("#!/bin/sh\nexit 9\n")
    assert free_memory({}) == []


def test_visible_gpus_are_those_of_the_variable():
    free = [1, 2, 3]
    assert visible(free, None) == free
    assert visible(free, "2,0") == [3, 1]
    assert visible(free, "") == visible(free, "-1") == []
    assert visible(free, "GPU-4f2a") == free


def test_larger_batches_and_models_need_more():
    small, large = (
        registry.build("cnn", {"width": width}, SPEC, 1) for width in (0.5, 2)
    )
    assert CONTEXT < fit_bytes(small, 8) < fit_bytes(small, 64) < fit_bytes(large, 64)
    added = fit_bytes(small, 9) - fit_bytes(small, 8)
    assert added > 8 * 8 * 2 * 4  # the input alone


def test_a_subclassed_model_counts_its_weights():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    model = Own()
    model(np.zeros((1, 5), np.float32))
    assert fit_bytes(model, 8) >= CONTEXT + 18 * 4


def test_a_file_is_read_into_the_gpu_where_it_fits(tmp_path, monkeypatch):
    x = np.random.default_rng(1).integers(0, 256, (20, 8, 8, 1), np.uint8)
    np.save(tmp_path / "x.npy", x)
    split = Split(np.load(tmp_path / "x.npy", mmap_mode="r"), np.arange(20) % 2)
    from_file = batches.fetcher(split.x)(np.array([3, 1])).numpy()
    monkeypatch.setattr(batches, "fits_on_device", lambda size: size == x.nbytes)
    fetch = batches.fetcher(split.x)
    (tmp_path / "x.npy").unlink()
    assert np.array_equal(fetch(np.array([3, 1])).numpy(), from_file)


def test_examples_take_a_fourth_of_the_memory_at_most():
    assert fits_on_device(2 * GB, [8 * GB])
    assert not fits_on_device(2 * GB + 1, [8 * GB])


@pytest.mark.parametrize(
    ("capabilities", "flags", "expected"),
    [
        ([(8, 0)], [], True),
        ([(9, 0), (7, 5)], ["avx512_bf16"], False),
        ([], ["avx512_bf16", "sse"], True),
        ([], ["sse"], False),
    ],
)
def test_mixed_precision_is_the_devices_decision(capabilities, flags, expected):
    assert computes_bfloat16(capabilities, flags) is expected


def test_stages_pin_the_libraries_of_gpus(monkeypatch):
    settings = {"threads": 1, "portability": "native"}
    for name in ("CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE"):
        monkeypatch.setenv(name, "unlike the pins")
    environment = process_environment(settings)
    assert environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert environment["TF_CUDNN_DETERMINISTIC"] == "1"
    assert environment["TF_CUDNN_USE_AUTOTUNE"] == "0"
    assert environment["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert "NVIDIA_TF32_OVERRIDE" not in environment
    assert pins(1, "portable")["NVIDIA_TF32_OVERRIDE"] == "0"
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    assert process_environment(settings)["TF_FORCE_GPU_ALLOW_GROWTH"] == "false"
