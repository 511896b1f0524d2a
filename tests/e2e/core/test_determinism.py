"""Derived seeds and pinned environments."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

import pytest

from pipeline.core.determinism import derive_seed, pins


def test_a_seed_depends_on_the_seed_and_every_name():
    assert derive_seed(1, "trial", 2) == derive_seed(1, "trial", 2)
    others = [
        derive_seed(2, "trial", 2),
        derive_seed(1, "trial", 3),
        derive_seed(1, "x"),
    ]
    assert derive_seed(1, "trial", 2) not in others


def test_no_seed_is_zero_and_all_fit_in_31_bits():
    seeds = [derive_seed(seed, "x") for seed in range(2000)]
    assert min(seeds) > 0 and max(seeds) < 2**31
    assert len(set(seeds)) == 2000


def test_portable_pins_the_processor_and_one_thread():
    portable, native = pins(4, "portable"), pins(4, "native")
    assert portable["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert portable["TF_NUM_INTRAOP_THREADS"] == "1"
    assert native["TF_NUM_INTRAOP_THREADS"] == "4"
    assert "TF_ENABLE_ONEDNN_OPTS" not in native


KERNELS = """
import json, numpy, threadpoolctl
from numpy._core._multiarray_umath import __cpu_features__ as features
blas = [pool["architecture"] for pool in threadpoolctl.threadpool_info()]
enabled = [name for name in features if features[name]]
print(json.dumps({"blas": blas, "numpy": enabled}))
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names kernels of x86")
def test_portable_selects_no_kernel_newer_than_avx2():
    call = [sys.executable, "-c", KERNELS]
    pinned = {**os.environ, **pins(1, "portable")}
    output = subprocess.run(call, env=pinned, capture_output=True, check=True).stdout
    kernels = json.loads(output)
    assert set(kernels["blas"]) == {"Haswell"}
    assert not {"X86_V4", "AVX512_ICL", "AVX512_SPR"} & set(kernels["numpy"])


BLOCKS = """
import os, sys
from pipeline.core import cache_sizes
from pipeline.core.determinism import apply_pins
cache_sizes.install(sys.argv[1])  # a processor with other caches
if len(sys.argv) > 2:
    os.environ["PIPELINE_CACHE_SIZES"] = sys.argv[2]
apply_pins()
import hashlib, numpy, tensorflow
x = tensorflow.constant(numpy.random.default_rng(1).random((512, 512), "float32"))
print(hashlib.sha256((x @ x).numpy().tobytes()).hexdigest())
"""


def product(caches: str, *pinned: str) -> str:
    """Hash of a matrix product on a processor with these caches."""
    call = [sys.executable, "-c", BLOCKS, caches, *pinned]
    environment = {**os.environ, **pins(1, "portable"), "PIPELINE_CACHE_SIZES": ""}
    done = subprocess.run(
        call, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()[-1]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="sizes are fixed on Linux alone")
def test_portable_computes_the_same_with_other_caches():
    small, large = "16384 131072 1048576", "49152 2097152 37748736"
    pinned = pins(1, "portable")["PIPELINE_CACHE_SIZES"]
    assert product(small) != product(large)
    assert product(small, pinned) == product(large, pinned)
