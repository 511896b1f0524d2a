"""Decisions of the plan: which stages are stale or damaged, and why."""

from __future__ import annotations

import json

import pytest
import yaml


def test_a_stage_is_new_before_its_first_run_and_cached_after_it(toy):
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
def test_a_stale_stage_has_a_reason(toy, change, stage, reason):
    toy.run()
    change(toy)
    decision = toy.plan()[stage]
    assert (decision.state, decision.reason) == ("stale", reason)


def test_a_changed_parameter_does_not_affect_earlier_stages(toy):
    toy.run()
    toy.two["times"] = 3
    decisions = toy.plan()
    assert decisions["one"].cached and not decisions["two"].cached


HARMLESS = [
    lambda t: edit_helper(t, "Convert to", "Use"),
    lambda t: edit_helper(t, "    return", "    # a comment\n\n    return"),
    lambda t: (t.root / "toy" / "unrelated.py").write_text("x = 1\n"),
    lambda t: t.one.update(workers=4),
]


@pytest.mark.parametrize("change", HARMLESS)
def test_a_change_without_effect_makes_nothing_stale(toy, change):
    toy.run()
    change(toy)
    assert all(decision.cached for decision in toy.plan().values())


def test_a_second_stage_with_equal_inputs_stays_cached(toy):
    toy.run()
    edit_helper(toy, "return text.upper()", "return str(text).upper()")
    decisions = toy.plan()
    assert decisions["one"].reason == "toy.helper changed"
    assert decisions["two"].reason == "after one"
    printed = toy.run()
    assert "one       done" in printed
    assert "two       cached" in printed  # stage one wrote the same bytes


def test_another_library_version_makes_a_stage_stale(toy, monkeypatch):
    path = toy.root / "toy" / "helper.py"
    path.write_text("import yaml\n" + path.read_text())
    toy.run()
    monkeypatch.setattr("pipeline.engine.import_closure.version_of", lambda top: "99.0")
    assert f"PyYAML {yaml.__version__} -> 99.0" in toy.plan()["one"].reason


DAMAGE = [
    (lambda folder: flip_byte(folder / "text.txt"), "text.txt was altered"),
    (lambda folder: (folder / "text.txt").unlink(), "text.txt is missing"),
    (
        lambda folder: (folder / "more.txt").touch(),
        "more.txt was not written by this stage",
    ),
    (lambda folder: flip_byte(folder / "metrics.json", 20), "metrics.json was altered"),
    (lambda folder: (folder / "stage.json").write_text("{"), "not readable as JSON"),
    (lambda folder: (folder / "stage.json").write_text("{}"), "the record was altered"),
]


def flip_byte(path, position: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(("damage", "reason"), DAMAGE)
def test_damage_is_detected_and_repaired(toy, damage, reason):
    toy.run()
    before = toy.read("one", "stage.json")
    damage(toy.folder / "one")
    decision = toy.plan()["one"]
    assert decision.state == "damaged"
    assert reason in decision.reason
    toy.run()
    assert toy.read("one", "stage.json") == before
    assert toy.read() == "HELLOHELLO"


def test_an_altered_record_is_damage(toy):
    toy.run()
    path = toy.folder / "one" / "stage.json"
    record = json.loads(path.read_text())
    record["parts"]["params"]["text"] = "bye"
    path.write_text(json.dumps(record))
    assert toy.plan()["one"].state == "damaged"


@pytest.mark.parametrize("name", ["clock.txt", "log.txt", "params.json"])
def test_damage_to_a_volatile_file_is_detected_and_repaired(toy, name):
    toy.run()
    before = toy.read("two", "stage.json")
    flip_byte(toy.folder / "two" / name)
    assert toy.plan()["two"].reason == f"{name} was altered"
    (toy.folder / "two" / name).unlink()
    assert toy.plan()["two"].reason == f"{name} is missing"
    toy.run()
    assert toy.plan()["two"].cached
    assert toy.read("two", "stage.json") == before


@pytest.mark.parametrize("damage", [lambda p: p.unlink(), lambda p: flip_byte(p, 30)])
def test_damage_to_run_json_is_detected(toy, damage):
    toy.run()
    damage(toy.folder / "two" / "run.json")
    assert "run.json" in toy.plan()["two"].reason
    toy.run()
    assert toy.plan()["two"].cached


def test_a_stage_that_copies_volatile_facts_runs_again_after_its_input(toy):
    toy.copies_volatile = True
    toy.run()
    assert toy.plan()["two"].cached
    record = toy.read("two", "stage.json")
    toy.run("one", force=True)
    assert toy.plan()["two"].reason == "input one ran again"
    toy.run()
    assert toy.plan()["two"].cached
    assert toy.read("two", "stage.json") == record


def test_another_stage_stays_cached_after_its_input_ran_again(toy):
    toy.run()
    toy.run("one", force=True)
    assert toy.plan()["two"].cached


class TestPackageData:
    """A template or a static file makes the stage stale that uses it, and no other."""

    FILE = "toy/two/templates/page.html.j2"

    @pytest.fixture
    def published(self, toy):
        path = toy.root / self.FILE
        path.parent.mkdir()
        path.write_text("{{ title }}\n")
        toy.run()
        return toy

    def test_unchanged_files_leave_all_stages_cached(self, published):
        (published.root / self.FILE).write_text("{{ title }}\n")
        assert all(decision.cached for decision in published.plan().values())

    def test_one_changed_byte_makes_the_stage_stale_and_names_the_file(self, published):
        (published.root / self.FILE).write_text("{{ titlE }}\n")
        decisions = published.plan()
        assert decisions["one"].cached
        assert (decisions["two"].state, decisions["two"].reason) == (
            "stale",
            f"{self.FILE} changed",
        )

    def test_a_new_and_a_deleted_file_are_named(self, published):
        path = published.root / self.FILE
        path.rename(path.with_name("card.md.j2"))
        reason = published.plan()["two"].reason
        assert reason == "toy/two/templates/card.md.j2 was added, and 1 more"
        path.with_name("card.md.j2").unlink()
        assert published.plan()["two"].reason == f"{self.FILE} was removed"
