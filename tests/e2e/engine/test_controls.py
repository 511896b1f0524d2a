"""Negative controls: every change of a result must change the verdict."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from pipeline.core.errors import UserError
from pipeline.engine.environment import environment, processor, requirements
from pipeline.engine.file_types import STABLE, UNSTABLE, undeclared
from pipeline.engine.git_state import git_state
from pipeline.engine.runner import Runner
from pipeline.engine.terminal import Terminal
from pipeline.reproduce.comparison_result import compare, table, verdict
from pipeline.reproduce.differences import differences
from pipeline.reproduce.lock_file import read_lock, write_lock
from pipeline.reproduce.snapshot import of_run, with_tensors
from tests.helpers.project import ROOT

STAGES = ("one", "two")


def again(toy, tensors: bool = True):
    """Run from scratch, and compare with the run before."""
    lock, run = toy.root / "experiment.lock", of_run(toy.folder, STAGES)
    write_lock(lock, [with_tensors(run) if tensors else run])
    shutil.rmtree(toy.folder)
    toy.folder.mkdir()
    toy.run()
    return compare(read_lock(lock)[0], of_run(toy.folder, STAGES))


def edit(toy, old: str, new: str) -> None:
    path = toy.root / "toy" / "helper.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_the_same_experiment_is_reproduced(toy):
    toy.run()
    outcome = again(toy)
    assert outcome.reproduced and outcome.equal and outcome.same_environment
    assert (outcome.exit_code, table(outcome)) == (0, [])


CHANGES = [
    (lambda t: t.settings.update(seed=2), "parameters", "seed 1 -> 2"),
    (lambda t: t.two.update(times=3), "parameters", "two.times 2 -> 3"),
    (lambda t: pixel(t), "data", "the data that one reads changed"),
    (lambda t: edit(t, ".upper()", ".lower()"), "code", "toy.helper changed"),
]


def pixel(toy) -> None:
    """Change the source, which no fingerprint of the toy chain contains."""
    text = (toy.root / "source.txt").read_text()
    (toy.root / "source.txt").write_text(text.replace("1", "2", 1))


@pytest.mark.parametrize(("change", "kind", "text"), CHANGES)
def test_a_change_is_named_and_not_reproduced(toy, change, kind, text):
    (toy.root / "source.txt").write_text("1111")
    edit(
        toy,
        "return text.upper()",
        "source = __import__('pathlib').Path(__file__).parents[1] / 'source.txt'\n"
        "    return text.upper() + source.read_text()",
    )
    toy.run()
    change(toy)
    outcome = again(toy)
    assert outcome.exit_code == 4
    assert (kind, text) in [(each.kind, each.text) for each in outcome.differences]


def test_another_seed_changes_bytes(toy):
    path = toy.root / "toy" / "one" / "stage.py"
    text = path.read_text().replace("shout(params.text)", "str(inputs.seed)")
    path.write_text(text)
    toy.run()
    toy.settings["seed"] = 2
    outcome = again(toy)
    assert outcome.files == {"one": ["text.txt"], "two": ["text.txt"]}
    assert [text for text in table(outcome) if "because: seed 1 -> 2" in text]


def forged(toy, change):
    """Compare a changed lock with the run that it was written from."""
    toy.run()
    lock = toy.root / "experiment.lock"
    write_lock(lock, [of_run(toy.folder, STAGES)])
    (old,) = read_lock(lock)
    change(old)
    return compare(old, of_run(toy.folder, STAGES))


def older(lock) -> None:
    lock.environment["libraries"]["pyyaml"] = "99.0"


def test_another_version_of_a_library_is_another_environment(toy):
    path = toy.root / "toy" / "helper.py"
    path.write_text("import yaml\n" + path.read_text())
    alike, other = forged(toy, lambda lock: None), forged(toy, older)
    (cause,) = other.differences
    assert cause.text.startswith("libraries.pyyaml 99.0 -> 6")
    assert verdict(alike)[-1] == "verdict     reproduced"
    assert verdict(other)[-1].startswith(
        "verdict     reproduced bit for bit on another environment: libraries.pyyaml"
    )


def test_another_version_of_an_imported_library_excuses_no_other_bits(toy):
    def change(lock) -> None:
        older(lock)
        lock.entries["two"].outputs["text.txt"] = "0" * 64

    path = toy.root / "toy" / "helper.py"
    path.write_text("import yaml\n" + path.read_text())
    outcome = forged(toy, change)
    assert (outcome.exit_code, outcome.files) == (4, {"two": ["text.txt"]})
    assert "no environment excuses libraries.pyyaml 99.0" in verdict(outcome)[0]


def test_another_version_of_a_library_that_no_stage_imports_excuses_them(toy):
    def change(lock) -> None:
        lock.environment["libraries"]["certifi"] = "99.0"
        lock.entries["two"].outputs["text.txt"] = "0" * 64

    outcome = forged(toy, change)
    assert (outcome.exit_code, outcome.files) == (0, {"two": ["text.txt"]})
    assert verdict(outcome)[-1].startswith(
        "verdict     within tolerance on another environment: libraries.certifi 99.0"
    )


def faked(toy, monkeypatch, **changes: str) -> None:
    """Pretend to be another machine."""
    changed = {**processor(), **changes}
    monkeypatch.setattr("pipeline.engine.environment.processor", lambda: changed)


OTHER = "other/1/2/3"


def computing(toy) -> None:
    """Let the result of stage `two` depend on the machine."""
    path = toy.root / "toy" / "two" / "stage.py"
    text = path.read_text().replace(
        "text * params.times", "text * params.times + os.environ.get('MACHINE', '')"
    )
    path.write_text("import os\n" + text)


def test_other_bits_on_another_machine_are_within_tolerance(toy, monkeypatch):
    computing(toy)
    toy.run()
    faked(toy, monkeypatch, model=OTHER)
    monkeypatch.setenv("MACHINE", "!")
    outcome = again(toy)
    assert not outcome.equal and not outcome.same_environment
    assert not outcome.metrics.exceeded and outcome.exit_code == 0
    assert "within tolerance on another environment" in verdict(outcome)[-1]


def test_a_changed_line_is_not_reproduced_on_any_machine(toy, monkeypatch):
    toy.run()
    edit(toy, ".upper()", ".lower()")
    faked(toy, monkeypatch, model=OTHER)
    outcome = again(toy)
    assert not outcome.metrics.exceeded and outcome.exit_code == 4
    assert "no environment excuses toy.helper changed" in verdict(outcome)[0]
    assert verdict(outcome)[-1] == "verdict     NOT reproduced"


def test_a_changed_line_that_changes_no_output_is_reproduced(toy, monkeypatch):
    toy.run()
    edit(toy, "return text.upper()", "unused = 1\n    return text.upper()")
    faked(toy, monkeypatch, model=OTHER)
    outcome = again(toy)
    assert outcome.equal and outcome.exit_code == 0 and outcome.not_excused
    assert "the environment differs" in verdict(outcome)[0]


def test_a_changed_pixel_is_not_reproduced_on_any_machine(toy, monkeypatch):
    """The hashes of the raw examples are in a file that is equal on all machines."""
    path = toy.root / "toy" / "one" / "stage.py"
    line = "    inputs.volatile["
    path.write_text(
        path.read_text().replace(
            line, f"    (out / 'splits.npz').write_bytes(_pixels())\n{line}"
        )
        + "\n\ndef _pixels():\n"
        + "    return (Path(__file__).parents[2] / 'source.txt').read_bytes()\n"
    )
    (toy.root / "source.txt").write_text("1111")
    toy.run()
    pixel(toy)
    faked(toy, monkeypatch, model=OTHER)
    outcome = again(toy, tensors=False)
    assert not outcome.metrics.exceeded and outcome.exit_code == 4
    assert [each.text for each in outcome.not_excused] == [
        "the data that one reads changed"
    ]


def test_beyond_the_tolerance_is_not_reproduced_on_any_machine(toy, monkeypatch):
    toy.run()
    stage = toy.root / "toy" / "one" / "stage.py"
    text = stage.read_text().replace('"letters": len', '"letters": 1 + len')
    stage.write_text(text)
    faked(toy, monkeypatch, flags="avx")
    outcome = again(toy)
    assert outcome.exit_code == 4
    assert [each.stage for each in outcome.metrics.exceeded] == ["one"]


def test_a_lock_alone_compares_metrics_and_notes_its_limits(toy):
    toy.run()
    copy = toy.root / "copy"
    shutil.copytree(toy.folder, copy)
    stage = toy.root / "toy" / "one" / "stage.py"
    text = stage.read_text().replace('"letters": len', '"letters": 1 + len')
    stage.write_text(text.replace("shout(params.text)", "params.text"))
    outcome = again(toy)
    alone, with_run = table(outcome), table(outcome, of_run(copy, STAGES))
    assert any("letters: largest difference 1" in line for line in alone)
    (note,) = [line for line in alone if line.startswith("note ")]
    assert "holds hashes and metrics" in note
    assert with_run == [line for line in alone if line != note]


def test_another_seed_is_not_reproduced_on_any_machine(toy, monkeypatch):
    toy.run()
    toy.settings["seed"] = 2
    faked(toy, monkeypatch, model=OTHER)
    assert again(toy).exit_code == 4


def test_flags_of_a_processor_are_compared_one_by_one(toy, monkeypatch):
    faked(toy, monkeypatch, flags="avx avx2 fma sse4_1")
    toy.run()
    before = of_run(toy.folder, STAGES)
    shutil.rmtree(toy.folder)
    toy.folder.mkdir()
    faked(toy, monkeypatch, flags="avx avx2 avx512f fma sse4_1")
    toy.run()
    (cause,) = differences(before, of_run(toy.folder, STAGES))
    assert (cause.kind, cause.text) == ("environment", "processor.flags +avx512f")


def test_stages_of_two_environments_have_no_lock(toy, monkeypatch):
    toy.run("one")
    faked(toy, monkeypatch, model=OTHER)
    toy.run()
    with pytest.raises(UserError, match="two: was run in another environment"):
        of_run(toy.folder, STAGES)


def test_two_runs_have_locks_of_equal_bytes(toy):
    toy.run()
    write_lock(toy.root / "a.lock", [with_tensors(of_run(toy.folder, STAGES))])
    shutil.rmtree(toy.folder)
    toy.folder.mkdir()
    toy.run()
    write_lock(toy.root / "b.lock", [with_tensors(of_run(toy.folder, STAGES))])
    first, second = (toy.root / name for name in ("a.lock", "b.lock"))
    assert first.read_bytes() == second.read_bytes()


BROKEN_LOCKS = [
    lambda d: d.update(version=99),
    lambda d: d.pop("code"),
    lambda d: d.update(chain=["three"]),
    lambda d: d["settings"].update(seed=7),
    lambda d: d["stages"]["one"].update(outputs=3),
    lambda d: d["stages"]["one"]["params"].update(text="forged"),
    lambda d: d["environment"].pop("processor"),
    lambda d: d.update(stages=[]),
]


@pytest.mark.parametrize("alter", BROKEN_LOCKS)
def test_an_altered_lock_is_refused(toy, alter):
    toy.run()
    path = toy.root / "experiment.lock"
    write_lock(path, [of_run(toy.folder, STAGES)])
    document = json.loads(path.read_text())
    alter(document)
    path.write_text(json.dumps(document))
    with pytest.raises(UserError, match="not a lock"):
        read_lock(path)


def test_requirements_of_a_library_are_included():
    assert {"keras", "h5py", "numpy"} <= set(requirements(["keras"]))
    assert requirements(["no-such-thing"]) == {}


def test_threads_and_portability_are_part_of_the_environment():
    environments = [
        json.dumps(environment({"threads": n, "portability": p}, []), sort_keys=True)
        for n, p in [(1, "native"), (2, "native"), (1, "portable")]
    ]
    assert len(set(environments)) == 3


def test_a_run_records_its_commit(toy):
    toy.run()
    facts = json.loads(toy.read("one", "run.json"))
    state = git_state([ROOT / "pipeline"])
    # The modules of the toy chain are in no checkout, so the commit is not enough.
    assert facts["git"] == (state and {**state, "dirty": True})
    assert set(facts["environment"]) >= {"processor", "libraries", "pins", "python"}
    assert "git" not in json.loads(toy.read("one", "stage.json"))


def test_a_commit_is_recorded_and_a_change_makes_it_dirty(tmp_path):
    def git(*words: str) -> str:
        call = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(
            call, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    code, module = tmp_path / "code", tmp_path / "own.py"
    code.mkdir()
    assert git_state([code]) is None
    git("init", "-q")
    (code / "a.py").write_text("x = 1\n")
    module.write_text("y = 1\n")
    assert git_state([code, module]) is None
    git("add", "code")
    git("commit", "-qm", "first")
    state = git_state([code])
    assert state == {"commit": git("rev-parse", "HEAD").strip(), "dirty": False}
    assert git_state([code, module]) == {**state, "dirty": True}
    git("add", "own.py")
    git("commit", "-qm", "second")
    assert git_state([code, module])["dirty"] is False
    module.write_text("y = 2\n")
    assert git_state([code])["dirty"] is False and git_state([code, module])["dirty"]


def test_the_experiment_file_and_custom_modules_are_compared_with_git(toy):
    (toy.folder / "experiment.yaml").write_text("")
    runner = Runner(toy.job, toy.code(), Terminal())
    decision = toy.plan()["one"]
    names = {path.name for path in runner._user_files(decision)}
    assert names == {"experiment.yaml", "__init__.py", "stage.py", "helper.py"}


def test_a_file_that_is_neither_stable_nor_volatile_is_listed(tmp_path):
    for name in ("a.json", "b.svg", "c.weird", "d.html", "sub/e.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert undeclared(tmp_path, frozenset({"d.html"})) == [
        "b.svg",
        "c.weird",
        "sub/e.pdf",
    ]
    assert not set(STABLE) & set(UNSTABLE)
