"""What makes a stage stale, and what the plan says of it."""

from __future__ import annotations

import json

import pytest
import yaml


def test_a_fresh_folder_is_new_and_a_finished_one_is_cached(toy):
    assert toy.plan()["one"].state == "new"
    toy.run()
    decisions = toy.plan()
    assert [decision.state for decision in decisions.values()] == ["cached"] * 2
    assert decisions["one"].headline == "5 letters"


def test_a_second_run_runs_nothing(toy):
    toy.run()
    clock = toy.read(name="clock.txt")
    assert "cached" in toy.run()
    assert toy.read(name="clock.txt") == clock


def edit_helper(toy, old: str, new: str) -> None:
    path = toy.root / "toy" / "helper.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


CHANGES = [
    (lambda t: t.one.update(text="bye"), "one", "one.text hello -> bye"),
    (lambda t: t.two.update(times=3), "two", "two.times 2 -> 3"),
    (lambda t: t.settings.update(seed=2), "one", "seed 1 -> 2"),
    (lambda t: t.settings.update(threads=2), "two", "threads 1 -> 2"),
    (lambda t: edit_helper(t, ".upper()", ".lower()"), "one", "toy.helper changed"),
]


@pytest.mark.parametrize(("change", "stage", "reason"), CHANGES)
def test_a_stale_stage_says_why(toy, change, stage, reason):
    toy.run()
    change(toy)
    decision = toy.plan()[stage]
    assert (decision.state, decision.reason) == ("stale", reason)


def test_a_changed_parameter_leaves_the_stages_before_it_alone(toy):
    toy.run()
    toy.two["times"] = 3
    decisions = toy.plan()
    assert decisions["one"].cached and not decisions["two"].cached


HARMLESS = [
    lambda t: edit_helper(t, "In capitals.", "Louder."),
    lambda t: edit_helper(t, "    return", "    # a comment\n\n    return"),
    lambda t: (t.root / "toy" / "unrelated.py").write_text("x = 1\n"),
    lambda t: t.one.update(workers=4),
]


@pytest.mark.parametrize("change", HARMLESS)
def test_what_cannot_change_the_result_makes_nothing_stale(toy, change):
    toy.run()
    change(toy)
    assert all(decision.cached for decision in toy.plan().values())


def test_code_that_only_the_first_stage_imports_leaves_an_equal_second_stage(toy):
    toy.run()
    edit_helper(toy, "return text.upper()", "return str(text).upper()")
    decisions = toy.plan()
    assert decisions["one"].reason == "toy.helper changed"
    assert decisions["two"].reason == "after one"
    printed = toy.run()
    assert "one       done" in printed
    assert "two       cached" in printed  # stage one gave the same bytes


def test_another_library_version_makes_a_stage_stale(toy, monkeypatch):
    path = toy.root / "toy" / "helper.py"
    path.write_text("import yaml\n" + path.read_text())
    toy.run()
    monkeypatch.setattr("pipeline.engine.import_closure._version", lambda top: "99.0")
    assert f"PyYAML {yaml.__version__} -> 99.0" in toy.plan()["one"].reason


DAMAGE = [
    (lambda one: flip_byte(one / "text.txt"), "text.txt was altered"),
    (lambda one: (one / "text.txt").unlink(), "text.txt is missing"),
    (lambda one: (one / "more.txt").touch(), "more.txt is not of this stage"),
    (lambda one: flip_byte(one / "metrics.json", 20), "metrics.json was altered"),
    (lambda one: (one / "stage.json").write_text("{"), "not readable as JSON"),
    (lambda one: (one / "stage.json").write_text("{}"), "the record was altered"),
]


def flip_byte(path, at: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(("hurt", "reason"), DAMAGE)
def test_a_damaged_artifact_is_noticed_and_rebuilt(toy, hurt, reason):
    toy.run()
    before = toy.read("one", "stage.json")
    hurt(toy.folder / "one")
    decision = toy.plan()["one"]
    assert decision.state == "damaged"
    assert reason in decision.reason
    toy.run()
    assert toy.read("one", "stage.json") == before
    assert toy.read() == "HELLOHELLO"


def test_an_altered_record_is_not_believed(toy):
    toy.run()
    path = toy.folder / "one" / "stage.json"
    record = json.loads(path.read_text())
    record["parts"]["params"]["text"] = "bye"
    path.write_text(json.dumps(record))
    assert toy.plan()["one"].state == "damaged"


@pytest.mark.parametrize("name", ["clock.txt", "log.txt", "params.json"])
def test_damage_to_a_volatile_file_is_noticed_and_mended(toy, name):
    toy.run()
    before = toy.read("two", "stage.json")
    flip_byte(toy.folder / "two" / name)
    assert toy.plan()["two"].reason == f"{name} was altered"
    (toy.folder / "two" / name).unlink()
    assert toy.plan()["two"].reason == f"{name} is missing"
    toy.run()
    assert toy.plan()["two"].cached
    assert toy.read("two", "stage.json") == before


@pytest.mark.parametrize("hurt", [lambda p: p.unlink(), lambda p: flip_byte(p, 30)])
def test_damage_to_the_facts_of_a_run_is_noticed(toy, hurt):
    toy.run()
    hurt(toy.folder / "two" / "run.json")
    assert "run.json" in toy.plan()["two"].reason
    toy.run()
    assert toy.plan()["two"].cached


def test_a_stage_that_retells_runs_again_when_its_input_did(toy):
    toy.retells = True
    toy.run()
    assert toy.plan()["two"].cached
    record = toy.read("two", "stage.json")
    toy.run("one", force=True)
    assert toy.plan()["two"].reason == "input one ran again"
    toy.run()
    assert toy.plan()["two"].cached
    assert toy.read("two", "stage.json") == record


def test_a_stage_that_does_not_retell_stays_cached(toy):
    toy.run()
    toy.run("one", force=True)
    assert toy.plan()["two"].cached
