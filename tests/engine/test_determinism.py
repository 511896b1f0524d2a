"""Derived seeds and pinned environments."""

from __future__ import annotations

from pipeline.engine.determinism import derive_seed, pins


def test_a_seed_is_a_function_of_its_names():
    assert derive_seed(1, "trial", 2) == derive_seed(1, "trial", 2)
    others = [
        derive_seed(2, "trial", 2),
        derive_seed(1, "trial", 3),
        derive_seed(1, "x"),
    ]
    assert derive_seed(1, "trial", 2) not in others


def test_no_seed_is_zero_and_all_fit_in_31_bits():
    seeds = [derive_seed(seed, "x") for seed in range(2000)]
    assert 0 < min(seeds) and max(seeds) < 2**31
    assert len(set(seeds)) == 2000


def test_portable_pins_the_processor_and_one_thread():
    portable, native = pins(4, "portable"), pins(4, "native")
    assert portable["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert portable["TF_NUM_INTRAOP_THREADS"] == "1"
    assert native["TF_NUM_INTRAOP_THREADS"] == "4"
    assert "TF_ENABLE_ONEDNN_OPTS" not in native
