"""Equal models give equal .keras files, and damaged ones a message."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.models.files import load_model, save_model
from tests.helpers import warm

SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b", "c"))

SAVE = """
import sys
from pathlib import Path
from tests_spec import SPEC
from pipeline.models import registry
from pipeline.models.files import save_model
save_model(registry.build("cnn", {}, SPEC, 5), Path(sys.argv[1]))
"""


def digest(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_saved_model_reads_back_equal(tmp_path):
    model = registry.build("cnn", {"width": 0.25}, SPEC, 1)
    save_model(model, tmp_path / "m.keras")
    loaded = load_model(tmp_path / "m.keras")
    x = np.random.default_rng(1).random((4, 8, 8, 1)).astype(np.float32)
    assert np.array_equal(model(x), loaded(x))


def test_two_builds_at_two_times_give_equal_bytes(tmp_path):
    paths = [tmp_path / f"{number}.keras" for number in range(2)]
    for path in paths:
        save_model(registry.build("cnn", {}, SPEC, 5), path)
        time.sleep(1.1)  # zip times have a grain of two seconds, dates of one
    assert digest(paths[0]) == digest(paths[1])


def test_two_processes_give_equal_bytes(tmp_path):
    (tmp_path / "tests_spec.py").write_text(
        "from pipeline.data.spec import TaskSpec\n"
        'SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b", "c"))\n'
    )
    path = tmp_path / "there.keras"
    warm.run("-c", SAVE, str(path), cwd=tmp_path).check_returncode()
    here = tmp_path / "here.keras"
    save_model(registry.build("cnn", {}, SPEC, 5), here)
    assert digest(here) == digest(path)


def test_another_seed_gives_other_bytes(tmp_path):
    for seed in (1, 2):
        save_model(registry.build("cnn", {}, SPEC, seed), tmp_path / f"{seed}.keras")
    assert digest(tmp_path / "1.keras") != digest(tmp_path / "2.keras")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "m.keras"
    path.write_bytes(content)
    message = "/m.keras: not readable as a Keras model: not a complete .keras file"
    with pytest.raises(UserError, match=message):
        load_model(path)


def test_a_missing_file_is_named(tmp_path):
    message = f"^{tmp_path}/m.keras: there is no such file$"
    with pytest.raises(UserError, match=message):
        load_model(tmp_path / "m.keras")
