"""Files that a model is built on: a change makes the results stale."""

from __future__ import annotations

import pytest

from pipeline.engine.fingerprint import describe, stale_reason
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.runner import CODE_ROOT
from pipeline.experiment.loader import read_experiment
from pipeline.models.referenced_files import hash_references

TEXT = """\
data: {source: "sklearn:digits"}
tune: {builder: ensemble, values: {members: "a.keras, nets/b.keras", width: 0.5}}
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    (tmp_path / "a.keras").write_bytes(b"one")
    (tmp_path / "nets" / "b.keras").write_bytes(b"two")
    return tmp_path


VALUES = [
    ({"backbone": "a.keras"}, {"a.keras"}),
    ({"backbone": ["a.keras", "nets/b.keras", "MobileNetV2"]}, {"a.keras", "b.keras"}),
    ({"members": "a.keras,nets/b.keras"}, {"a.keras", "b.keras"}),
    ({"mine": "${NETS}/b.keras"}, {"b.keras"}),
    ({"backbone": "MobileNetV2", "dropout": 0.1, "bias": True}, set()),
]


@pytest.mark.parametrize(("values", "files"), VALUES)
def test_every_file_that_a_value_names_is_hashed(nets, monkeypatch, values, files):
    monkeypatch.setenv("NETS", str(nets / "nets"))
    hashes = hash_references(values)
    assert {name.rpartition("/")[2] for name in hashes} == files
    assert all(hashes.values())


def test_a_file_that_is_not_here_is_unknown(nets):
    assert hash_references({"backbone": "no.keras"}) == {"no.keras": None}


def test_a_changed_member_makes_all_that_builds_stale(nets):
    folder = nets / "experiments" / "mine"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text(TEXT)
    job, code = read_experiment(folder).job(folder), CodeReader(CODE_ROOT)
    before = {stage.name: describe(job, stage, code) for stage in job.chain}
    (nets / "nets" / "b.keras").write_bytes(b"TWO")
    after = {stage.name: describe(job, stage, code) for stage in job.chain}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"tune", "train", "distill"}
    reason = stale_reason("tune", before["tune"], after["tune"])
    assert reason == "nets/b.keras changed"
