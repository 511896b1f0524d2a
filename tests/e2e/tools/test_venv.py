"""The check and the lock of .venv, on a small environment with one package."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from configparser import RawConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from setuptools import find_namespace_packages

from tests.helpers.project import ROOT
from tools import venv as environment

STAMP = ROOT / ".venv/.ready"
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
PACKAGES = Path(".venv", "lib", f"python{PYTHON}", "site-packages")
SETUP = "[options]\ninstall_requires =\n    toy>=1\n\n[tool:toy]\nwidth = 88\n"
RECORD = """\
toy/__init__.py,sha256=x,8
"toy/a, b.py",sha256=x,8
toy/__pycache__/__init__.cpython-311.pyc,,
toy/include/toy.h,sha256=x,8
toy-1.0.dist-info/RECORD,,
../../../bin/toy,sha256=x,8
"""


def make_project(root: Path) -> Path:
    """A checkout in miniature whose .venv has the package toy and is whole."""
    (root / "tools").mkdir(parents=True)
    for name in ("venv.py", "venv_stamp.py"):
        shutil.copy(ROOT / "tools" / name, root / "tools")
    (root / "setup.cfg").write_text(SETUP)
    (root / "constraints.txt").write_text("# comment\ntoy==1.0\n")
    (root / "pyproject.toml").write_text("[build-system]\n")
    venv.create(root / ".venv", symlinks=True)
    packages = root / PACKAGES
    for name in ("toy/__pycache__", "toy-1.0.dist-info", "pip-23.0.dist-info"):
        (packages / name).mkdir(parents=True)
    for name in ("toy/__init__.py", "toy/a, b.py", "../../../bin/toy"):
        (packages / name).write_text("x = 111\n")
    (packages / "toy-1.0.dist-info/RECORD").write_text(RECORD)
    assert environment.run_inside(root, "record").returncode == 0
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "checkout")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


HARMLESS = {
    "nothing": lambda root: None,
    "a comment in the lock": lambda root: edit(
        root / "constraints.txt", "# comment", "# another\n"
    ),
    "a lint setting": lambda root: edit(root / "setup.cfg", "88", "79"),
    "a setting of pytest": lambda root: edit(
        root / "setup.cfg", "[tool:toy]", "[tool:pytest]\nminversion = 8\n\n[tool:toy]"
    ),
    "an extra that is not installed": lambda root: edit(
        root / "setup.cfg",
        "[tool:toy]",
        "[options.extras_require]\nray = ray\n[tool:toy]",
    ),
    "data of the package": lambda root: edit(
        root / "setup.cfg",
        "[tool:toy]",
        "[options.package_data]\ntoy = *.txt\n[tool:toy]",
    ),
    "a setting of a tool": lambda root: edit(
        root / "pyproject.toml", "]\n", "]\n[tool.toy]\nx = 1\n"
    ),
    "another pip": lambda root: (root / PACKAGES / "pip-23.0.dist-info").rename(
        root / PACKAGES / "pip-99.0.dist-info"
    ),
    "one more package": lambda root: (root / PACKAGES / "more-1.dist-info").mkdir(),
    "no byte code": lambda root: shutil.rmtree(root / PACKAGES / "toy/__pycache__"),
}


@pytest.mark.parametrize("change", HARMLESS)
def test_a_whole_environment_stays_whole_after(change: str, project: Path):
    HARMLESS[change](project)
    answer = environment.run_inside(project, "check")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


DAMAGE = {
    "a lost file": (
        lambda root: (root / PACKAGES / "toy/__init__.py").unlink(),
        "toy 1.0: toy/__init__.py is missing",
    ),
    "a lost file with a comma in its name": (
        lambda root: (root / PACKAGES / "toy/a, b.py").unlink(),
        "toy 1.0: toy/a, b.py is missing",
    ),
    "a lost folder": (
        lambda root: shutil.rmtree(root / PACKAGES / "toy"),
        "toy 1.0: toy/__init__.py is missing",
    ),
    "a lost script": (
        lambda root: (root / ".venv/bin/toy").unlink(),
        "toy 1.0: ../../../bin/toy is missing",
    ),
    "a cut file": (
        lambda root: halve(root / PACKAGES / "toy/__init__.py"),
        "toy 1.0: toy/__init__.py has 4 bytes, not 8",
    ),
    "a cut list of files": (
        lambda root: halve(root / PACKAGES / "toy-1.0.dist-info/RECORD"),
        "toy 1.0: toy/__pycache__/__init__.cpython-311. is missing",
    ),
    "another version": (
        lambda root: (root / PACKAGES / "toy-1.0.dist-info").rename(
            root / PACKAGES / "toy-2.0.dist-info"
        ),
        "toy 1.0 is no longer installed",
    ),
    "no stamp": (
        lambda root: (root / ".venv/.ready").unlink(),
        ".venv is not complete",
    ),
    "half a stamp": (
        lambda root: halve(root / ".venv/.ready"),
        ".venv/.ready is not readable",
    ),
    "a stamp of another kind": (
        lambda root: (root / ".venv/.ready").write_text("[]"),
        ".venv/.ready is not readable",
    ),
    "a stamp for another Python": (
        lambda root: edit(root / ".venv/.ready", f'"{PYTHON}"', '"3.9"'),
        ".venv was built for Python 3.9",
    ),
    "another lock": (
        lambda root: edit(root / "constraints.txt", "1.0", "1.1"),
        "constraints.txt has changed",
    ),
    "one more requirement": (
        lambda root: edit(root / "setup.cfg", "toy>=1", "toy>=1\n    more"),
        "setup.cfg has changed",
    ),
    "an extra that is installed": (
        lambda root: edit(
            root / "setup.cfg",
            "[tool:toy]",
            "[options.extras_require]\ntest = more\n[tool:toy]",
        ),
        "setup.cfg has changed",
    ),
    "another script": (
        lambda root: edit(
            root / "setup.cfg",
            "[tool:toy]",
            "[options.entry_points]\nconsole_scripts = toy = toy:main\n[tool:toy]",
        ),
        "setup.cfg has changed",
    ),
    "another lock and a lost file": (
        lambda root: (
            edit(root / "constraints.txt", "1.0", "1.1"),
            (root / PACKAGES / "toy/__init__.py").unlink(),
        ),
        "toy 1.0: toy/__init__.py is missing",
    ),
    "another build system": (
        lambda root: edit(root / "pyproject.toml", "]", "]\nrequires = []"),
        "pyproject.toml has changed",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_broken_environment_is_named_in_one_line(damage: str, project: Path):
    inflict, line = DAMAGE[damage]
    inflict(project)
    answer = environment.run_inside(project, "check")
    assert (answer.returncode, answer.stdout, answer.stderr) == (1, f"{line}\n", "")


def test_an_environment_does_not_move_with_its_checkout(project: Path):
    moved = project.rename(project.with_name("moved"))
    assert environment.find_defect(moved) == f".venv was built for {project}"


def test_a_python_that_was_removed_is_noticed_from_outside(project: Path):
    python = project / ".venv/bin/python"
    python.unlink()
    python.symlink_to(project / "gone")
    assert environment.find_defect(project) == ".venv/bin/python does not start"


def test_a_python_that_fails_is_noticed_from_outside(project: Path):
    python = project / ".venv/bin/python"
    python.unlink()
    python.write_text("#!/bin/sh\nexit 127\n")
    python.chmod(0o755)
    assert environment.find_defect(project) == ".venv/bin/python does not work"


def test_no_environment_at_all_is_noticed_from_outside(project: Path):
    shutil.rmtree(project / ".venv")
    assert environment.find_defect(project) == "there is no .venv"


def test_a_whole_environment_is_not_built_again(project: Path, capsys):
    stamp = project / ".venv/.ready"
    os.utime(stamp, (1, 1))
    environment.build(project)
    assert capsys.readouterr().out == ""
    assert stamp.stat().st_mtime > 1


def put_uv(root: Path, monkeypatch, script: str) -> None:
    """A program named uv, before all others on the PATH."""
    (root / "programs").mkdir()
    (root / "programs/uv").write_text(f"#!/bin/sh\n{script}\n")
    (root / "programs/uv").chmod(0o755)
    path = f"{root / 'programs'}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)


@pytest.mark.parametrize(
    ("forbidden", "option"), [("", ""), ("1", "--compile-bytecode ")]
)
def test_a_changed_declaration_updates_what_is_there(
    project: Path, monkeypatch, capsys, forbidden: str, option: str
):
    """Where Python may not write bytecode later, all of it is made at once."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", forbidden)
    new = f"{PACKAGES}/more-1.0.dist-info"
    put_uv(
        project, monkeypatch, f'echo "$*" >> uv.txt; mkdir {new}; touch {new}/RECORD'
    )
    (project / PACKAGES / "by_hand-1.0.dist-info").mkdir()
    edit(project / "setup.cfg", "toy>=1", "toy>=1\n    more")
    environment.build(project)
    assert capsys.readouterr().out == (
        "set-up    setup.cfg has changed: updating .venv\n"
    )
    words = f"pip install --python .venv/bin/python {option}-c constraints.txt"
    assert (project / "uv.txt").read_text() == f"{words} -e .[docs,lint,test]\n"
    assert (project / PACKAGES / "by_hand-1.0.dist-info").exists()
    stamp = environment.read_stamp(project / ".venv/.ready")
    assert stamp["distributions"] == ["more-1.0.dist-info", "toy-1.0.dist-info"]


def test_pip_installs_where_uv_fails(project: Path, monkeypatch, capsys):
    put_uv(project, monkeypatch, "exit 1")
    edit(project / "setup.cfg", "toy>=1", "toy>=1\n    more")
    with pytest.raises(
        environment.SetupError, match="failed: .venv/bin/python -I -m pip"
    ):
        environment.build(project)  # this .venv has no pip
    assert "set-up    uv failed (see install.log)" in capsys.readouterr().out
    assert environment.find_defect(project) == ".venv is not complete"


def test_what_the_lock_no_longer_lists_is_not_needed(project: Path):
    (project / PACKAGES / "checkout-0.1.dist-info").mkdir()
    (project / PACKAGES / "checkout-0.1.dist-info/direct_url.json").write_text("{}")
    names = {"toy-1.0", "old_name-2.0", "checkout-0.1"}
    folders = {f"{name}.dist-info" for name in names}
    assert environment.unneeded(project, folders) == ["old_name"]


def test_an_environment_behind_a_link_is_not_cleared(project: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(project, other, symlinks=True)
    shutil.rmtree(other / ".venv")
    (other / ".venv").symlink_to(project / ".venv")
    environment.create_empty(other)
    assert not (other / ".venv").is_symlink()
    assert environment.find_defect(project) == ""


@pytest.mark.parametrize("version", [PYTHON, "3.9"])
def test_another_python_has_a_folder_beside_the_first(
    project: Path, version: str, capsys
):
    edit(project / ".venv/pyvenv.cfg", f"version = {PYTHON}.", f"version = {version}.")
    environment.folder(project)
    expected = ".venv" if version == PYTHON else f".venv-{PYTHON}"
    assert capsys.readouterr().out == f"{expected}\n"


def test_the_first_python_has_the_plain_folder(tmp_path: Path, capsys):
    environment.folder(tmp_path)
    assert capsys.readouterr().out == ".venv\n"


def test_a_python_without_ensurepip_is_refused(project: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    (project / ".venv/.ready").unlink()
    with pytest.raises(environment.SetupError, match=f"python{PYTHON}-venv"):
        environment.build(project)


def test_the_command_that_failed_ends_the_message(project: Path):
    script = "print('the reason'); raise SystemExit(1)"
    with pytest.raises(environment.SetupError, match="the reason\nset-up    failed: "):
        environment.run_logged(project, [sys.executable, "-c", script])
    assert (project / ".venv/install.log").read_text() == "the reason\n"


def test_a_missing_declaration_is_an_error_without_traceback(project: Path):
    (project / "constraints.txt").unlink()
    answer = environment.run_inside(project, "build")
    assert answer.returncode == 2
    assert "constraints.txt" in answer.stderr and "Traceback" not in answer.stderr
    assert (project / ".venv/.ready").exists()


def test_the_check_imports_nothing_of_the_pipeline(project: Path):
    code = "import sys, runpy; sys.argv = ['x', 'check']\n" + (
        "try: runpy.run_path('tools/venv.py', run_name='__main__')\n"
        "except SystemExit: print([m for m in sys.modules if 'pipeline' in m])"
    )
    command = [project / ".venv/bin/python", "-I", "-c", code]
    answer = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert answer.stdout == "[]\n"


def test_the_lock_lists_exact_versions_without_the_checkout():
    chosen = [
        {"metadata": {"name": "toy", "version": "2.0"}, "is_direct": False},
        {"metadata": {"name": "Able", "version": "1.0"}, "is_direct": False},
        {"metadata": {"name": "this", "version": "0.1"}, "is_direct": True},
    ]
    lines = environment.lock_text(chosen).splitlines()
    assert [line for line in lines if line[0] != "#"] == ["Able==1.0", "toy==2.0"]


def test_only_the_oldest_python_makes_the_lock(project: Path, monkeypatch):
    monkeypatch.setattr(environment, "OLDEST", "3.10")
    before = (project / "constraints.txt").read_text()
    with pytest.raises(environment.SetupError, match="PYTHON=python3.10"):
        environment.lock(project)
    assert (project / "constraints.txt").read_text() == before


def declared() -> list[Requirement]:
    """The requirements in setup.cfg, with those of the extras in .venv."""
    config = RawConfigParser()
    config.read(ROOT / "setup.cfg")
    text = config["options"]["install_requires"]
    for extra in ("docs", "lint", "test"):
        text += config["options.extras_require"][extra]
    return [Requirement(line) for line in text.split("\n") if line.strip()]


def locked() -> dict[str, str]:
    """Package -> exact version, as constraints.txt has them."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonical(name): version for name, version in pairs}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_the_lock_has_a_version_that_setup_cfg_allows(requirement: Requirement):
    assert requirement.specifier.contains(locked()[canonical(requirement.name)])


@pytest.mark.skipif(not STAMP.exists(), reason="needs the .venv that make builds")
def test_everything_that_make_installs_is_in_the_lock():
    stamp = environment.read_stamp(STAMP)
    names = [name.removesuffix(".dist-info") for name in stamp["distributions"]]
    installed = dict(name.rsplit("-", 1) for name in names)
    versions = {canonical(name): version for name, version in installed.items()}
    versions.pop("keras-frontier-pipeline")
    assert versions.items() <= locked().items()


def test_the_supported_pythons_are_the_same_everywhere():
    config = RawConfigParser()
    config.read(ROOT / "setup.cfg")
    requires = SpecifierSet(config["options"]["python_requires"])
    supported = [f"3.{minor}" for minor in range(30) if f"3.{minor}" in requires]
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert json.loads(re.search(r"python: (\[.*\])", workflow)[1]) == supported
    low, high = (v.replace(".", ", ") for v in (supported[0], supported[-1]))
    assert (
        f"not ({low}) <= sys.version_info[:2] <= ({high})"
        in (ROOT / "Makefile").read_text()
    )
    assert supported[0] == environment.OLDEST


def test_the_wheel_contains_the_pipeline_only():
    config = RawConfigParser()
    config.read(ROOT / "setup.cfg")
    include = config["options.packages.find"]["include"].split()
    packages = find_namespace_packages(str(ROOT), include=include)
    assert "pipeline.models" in packages
    assert {name.partition(".")[0] for name in packages} == {"pipeline"}
