"""The installed command, in a fresh environment and in a folder of the user's own.

The wheel is built and installed with pip; the heavy libraries are those of the
environment that runs the tests, found through a .pth file.
"""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.project import ROOT

pytestmark = pytest.mark.slow
SOURCES = ("pipeline", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
BUILDER = """
import keras

def build(hp, spec):
    x = image = keras.Input(spec.shape, name="image")
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(image, keras.layers.Dense(10, name="logits")(x), name="own")
"""
SMALL = "tune: {trials: 1, epochs: 1, finalists: 1, builder: 'my_models:build'}\n"


@dataclass(frozen=True)
class Installed:
    """A fresh environment with the package."""

    bin: Path

    def run(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in a folder."""
        hidden = ("PYTHONPATH", "PIPELINE_MAKE", "PIPELINE_PROGRAM", "MAKEFLAGS")
        kept = {key: text for key, text in os.environ.items() if key not in hidden}
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            list(words),
            cwd=folder,
            env={**kept, "PATH": path},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )


def pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--no-input", *words, "--no-deps", "-q"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"pip cannot build or install: {done.stderr.strip()[-300:]}")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The package, installed from a wheel."""
    place = tmp_path_factory.mktemp("installed")
    source = place / "source"
    source.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, source / name)
    pip("wheel", "--no-build-isolation", "-w", str(place / "dist"), str(source))
    (wheel,) = (place / "dist").glob("*.whl")
    venv.create(place / "env", symlinks=True)
    python = place / "env" / "bin" / "python"
    pip("--python", str(python), "install", "--no-index", str(wheel))
    (packages,) = (place / "env" / "lib").glob("python*/site-packages")
    (packages / "heavy.pth").write_text("\n".join(site.getsitepackages()))
    return Installed(python.parent)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose own modules have the names of this package."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "pipeline").mkdir()
    (folder / "pipeline" / "__init__.py").write_text(
        "raise SystemExit('the wrong one')"
    )
    (folder / "pipeline.py").write_text("raise SystemExit('the wrong one')")
    (folder / "numpy.py").write_text("raise SystemExit('the wrong one')")
    (folder / "my_models.py").write_text(BUILDER)
    return folder


@pytest.fixture(scope="module")
def new(installed: Installed, folder: Path) -> subprocess.CompletedProcess[str]:
    """The experiment `mine`, made by the command."""
    words = ("keras-frontier", "new", "mine", "--source", "sklearn:digits")
    return installed.run(folder, *words)


def test_a_new_experiment_runs_with_the_script_alone(installed, folder, new):
    answer = installed.run(
        folder, *["keras-frontier", "new", "mine", "--source", "iris"]
    )
    assert answer.returncode == 2 and "KIND:NAME" in answer.stderr
    assert new.returncode == 0, new.stderr
    assert "run it with: keras-frontier run --exp mine" in new.stdout
    for name in ("Makefile", ".github/workflows/experiments.yml"):
        assert (folder / name).is_file()
    assert (folder / "experiments" / "mine" / ".gitignore").is_file()

    answer = installed.run(folder, "keras-frontier", "run", "data", "--exp", "mine")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1].startswith("data      done")
    assert (folder / "experiments" / "mine" / "data" / "spec.json").is_file()

    answer = installed.run(folder, "keras-frontier", "show", "--exp", "mine")
    assert answer.returncode == 2
    assert "no result yet; run: keras-frontier run --exp mine" in answer.stderr


def test_a_builder_in_the_users_folder_is_found(installed, folder):
    made = folder / "experiments" / "own"
    made.mkdir(parents=True)
    (made / "experiment.yaml").write_text(
        f"data: {{source: 'sklearn:digits'}}\n{SMALL}"
    )
    answer = installed.run(folder, "keras-frontier", "run", "tune", "--exp", "own")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert (made / "tune" / "best.json").is_file()


def test_make_of_a_new_project_names_its_targets(installed, folder, new):
    answer = installed.run(folder, "make", "show", "EXP=mine")
    assert "no result yet; run: make all EXP=mine" in answer.stderr
    answer = installed.run(folder, "make", "status", "EXP=$(shell touch pwned)")
    assert "experiment name '$(shell touch pwned)'" in answer.stderr
    assert not (folder / "pwned").exists()
    answer = installed.run(folder, "make", "data", "EXP=mine", "SET=seed='2'")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1].startswith("data      done")


def test_the_python_api_is_typed_and_works_anywhere(installed, folder, new):
    code = (
        "import sys, pathlib, pipeline\n"
        "print((pathlib.Path(pipeline.__file__).parent / 'py.typed').is_file())\n"
        "session = pipeline.load_experiment('mine', train={'epochs': 3})\n"
        "print([d.stage for d in session.plan('augment')])\n"
        "print('tensorflow' in sys.modules)\n"
    )
    answer = installed.run(folder, "python", "-P", "-c", code)
    assert answer.stdout == "True\n['data', 'augment']\nFalse\n", answer.stderr
