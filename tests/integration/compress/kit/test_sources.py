"""The kit compiles without a warning, keeps to its prefix, and computes predictions."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pipeline.compress.kit.write import FILES, PREPARING
from pipeline.data.features import Standardise
from pipeline.data.image_steps import Resize
from pipeline.data.table_steps import EncodeColumns
from tests.helpers.kit_fixtures import (
    ARM,
    HOST,
    WARNINGS,
    compile_all,
    data_of,
    has,
    kit_of,
)

NAMES = ("café", 'a"b\\c', "??=", "line\nend", "1")
HEADERS = Path(__file__).with_name("declarations")
IMAGE = {"dtype": "uint8", "modality": "image", "scale": 1 / 255}
CPP = ("g++", "-std=c++17", *WARNINGS)
PIXELS = np.arange(2 * 5 * 5).reshape(2, 5, 5, 1).astype(np.uint8)
CELLS = EncodeColumns(
    (
        {"name": "age", "kind": "number", "median": 40.0, "indicator": True},
        {"name": "city", "kind": "category", "values": ["", "Bonn"]},
    )
)


def classes(folder: Path) -> Path:
    """A kit of classes with odd names, from pictures."""
    steps = (Resize(4, 4, 1),)
    data = data_of(folder, steps, (4, 4, 1), classes=NAMES, **IMAGE)
    return kit_of(folder / "classes", data, PIXELS, symbol="one")


def numbers(folder: Path) -> Path:
    """A kit of a regression, from rows with categories and gaps."""
    target = {"name": "price", "mean": -1e-07, "deviation": 3.0}
    fields = {"modality": "table", "task": "regression", "classes": ()}
    data = data_of(folder, (CELLS,), (5,), target=target, **fields)
    rows = np.array([[np.nan, 1.0]])
    return kit_of(folder / "numbers", data, rows, symbol="two")


def anomalies(folder: Path) -> Path:
    """A kit of an anomaly detector."""
    steps = (Standardise((0.0,) * 5, (1.0,) * 5),)
    fields = {"modality": "table", "task": "anomaly_detection"}
    data = data_of(folder, steps, (5,), **fields)
    rows = np.ones((1, 5), np.float32)
    return kit_of(folder / "anomalies", data, rows, symbol="three", threshold=0.25)


@pytest.fixture(scope="module")
def kits(tmp_path_factory) -> list[Path]:
    """Kits of three tasks."""
    folder = tmp_path_factory.mktemp("kits")
    return [make(folder) for make in (classes, numbers, anomalies)]


def written(kit: Path) -> list[Path]:
    """The files of a kit, without what another test has compiled."""
    return [path for path in kit.iterdir() if path.is_file()]


def test_a_kit_has_its_files_and_no_date_or_path(kits):
    for kit in kits:
        paths = written(kit)
        assert sorted(path.name for path in paths) == sorted(FILES + PREPARING)
        text = "".join(path.read_text() for path in paths)
        assert str(kit.parent) not in text and not re.search(r"20\d\d-\d\d", text)
        assert "{{" not in text and "{%" not in text


def test_equal_input_gives_equal_bytes(kits, tmp_path):
    again = classes(tmp_path)
    for path in written(kits[0]):
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_no_name_of_a_header_escapes_the_prefix(kits):
    """Nor do guards, types and operators."""
    for kit, symbol in zip(kits, ("one", "two", "three")):
        text = "".join(path.read_text() for path in sorted(kit.glob("*.h")))
        code = re.sub(r"//.*|#include.*|\"C\"", "", text)
        macros = set(re.findall(r"#(?:define|ifndef) (\w+)", code))
        names = re.findall(r"(?:using |typedef \S+ |} )(\w+)(?:;| =)", code)
        names += re.findall(r"(\w+)[\[(]", re.sub(r"#.*|if \(.*|.*\{$", "", code))
        assert len(names) > 8 and all(name.startswith(symbol) for name in names)
        own = {name for name in macros if name.startswith(symbol.upper())}
        assert macros == own or macros - own == {"__cplusplus"}
        assert "model_data" not in code.lower()


def test_no_macro_of_a_task_is_defined_again(kits):
    """A task may define the size of its output: HEIGHT, WIDTH and CHANNELS are its."""
    text = (kits[0] / "preprocess.h").read_text()
    sizes = set(re.findall(r"#define ONE_(\w+)", text))
    assert sizes == {
        *("PREPROCESS_H_", "TAPS"),
        *("INPUT_HEIGHT", "INPUT_WIDTH", "INPUT_CHANNELS"),
    }


def test_an_operator_without_a_kernel_is_an_error_that_names_it(tmp_path):
    data = data_of(tmp_path, (), (4, 4, 1), **IMAGE)
    kit = kit_of(tmp_path / "kit", data, PIXELS[:, :4, :4], file="char_lm-int8")
    error = '#error "TensorFlow Lite Micro has no operator GELU"'
    assert error in (kit / "model_ops.h").read_text()
    assert "it has no operator GELU" in (kit / "README.md").read_text()


def test_steps_without_a_source_leave_the_vectors_of_the_file(tmp_path):
    steps = (Standardise((0.0,), (1.0,)), Resize(4, 4, 1))
    kit = kit_of(tmp_path / "kit", data_of(tmp_path, steps, (4, 4, 1)), None)
    names = {path.name for path in kit.iterdir()}
    assert names == set(FILES)
    assert "the steps Standardise, Resize have no source" in (
        kit / "README.md"
    ).read_text().replace("\n", " ")
    sources = ["result.c", "golden.c", "test_model.c"]
    if has("gcc"):
        compile_all(kit, [*HOST, "-fsyntax-only", *sources])


def test_a_file_with_a_state_is_run_from_an_empty_one(tmp_path):
    data = data_of(tmp_path, (), (4, 4, 1), **IMAGE)
    raw = PIXELS[:, :4, :4]
    kit = kit_of(tmp_path / "kit", data, raw, file="lstm-int8")
    assert "interpreter->Reset()" in (kit / "model_runner.cc").read_text()
    other = kit_of(tmp_path / "other", data, raw)
    assert "Reset()" not in (other / "model_runner.cc").read_text()


@pytest.mark.skipif(not has("g++"), reason="there is no g++")
def test_all_sources_are_cpp_without_a_warning(kits):
    """Those of the runtime too, by declarations of the part of it that they use."""
    options = ["-fsyntax-only", f"-isystem{HEADERS}", "-x", "c++"]
    sources = {path for path in kits[0].glob("*.c*") if path.name != "simulator.c"}
    sources |= {kit / "main.cc" for kit in kits}
    compile_all(kits[0], [*CPP, *options, *map(str, sorted(sources))])


DRIVER = """
#include <math.h>
#include <stdio.h>
#include "classes/preprocess.h"
#include "classes/result.h"
#include "numbers/preprocess.h"
#include "numbers/result.h"
#include "anomalies/result.h"

static void show(double number, const char* text) {
  const two_cell row[TWO_COLUMNS] = {{number, NULL}, {NAN, text}};
  two_input input[TWO_INPUT_SIZE];
  two_preprocess(row, input);
  for (int k = 0; k < TWO_INPUT_SIZE; ++k) printf("%g ", two_input_real(input[k]));
  puts("");
}

int main(void) {
  const one_output logits[] = {-3, 17, -3, -3, 37};
  const three_input input[] = {-3, -3, -3, -3, 17};
  const three_output output[] = {-3, -3, -3, 7, -3};
  unsigned char pixels[100] = {0};
  one_input pixel[ONE_INPUT_SIZE];
  float probability = 0.0f;
  for (int k = 0; k < ONE_CLASSES; ++k) printf("%s|", one_labels[k]);
  printf("%d ", one_class(logits, &probability));
  printf("%.5f %g %.6f\\n", probability, two_number(17), three_score(input, output));
  printf("%d ", one_preprocess(pixels, 0, 3, pixel));
  printf("%d ", one_preprocess(pixels, 1, 100, pixel));
  printf("%d\\n", one_preprocess(pixels, 10, 10, pixel));
  show(5.0, " Bonn\\t");
  show(NAN, "N/A");
  show(5.0, NULL);
  show(5.0, "bonn");
  show(5.0, "- ");
  return 0;
}
"""


@pytest.mark.skipif(not has("gcc"), reason="there is no gcc")
def test_predictions_and_cells_are_those_of_the_pipeline(kits):
    folder = kits[0].parent
    (folder / "driver.c").write_text(DRIVER)
    for kit in kits:  # as C
        (kit / "model_data.c").write_text((kit / "model_data.cc").read_text())
    parts = ("preprocess.c", "result.c", "model_data.c")
    sources = [f"{kit.name}/{part}" for kit in kits for part in parts]
    compile_all(folder, [*HOST, "driver.c", *sources, "-lm", "-o", "driver"])
    done = subprocess.run([folder / "driver"], capture_output=True)
    labels, _, rest = done.stdout.decode().partition("|4 ")
    assert labels == "|".join(NAMES)
    first, second, *cells = rest.splitlines()
    probability = np.exp(2.0) / (np.exp(2.0) + np.exp(1.0) + 3)
    # (17 + 3) * 0.05 = 1; squares of 1 and 0.5 over five values.
    assert first == f"{probability:.5f} 3 0.250000"
    assert second == "-1 -1 0"
    assert [line.split() for line in cells] == [
        ["5", "0", "0", "0", "1"],
        ["6.5", "1", "0", "1", "0"],  # 40 is beyond int8
        ["5", "0", "0", "1", "0"],
        ["5", "0", "1", "0", "0"],
        ["5", "0", "0", "1", "0"],
    ]


@pytest.mark.skipif(not has("gcc", "g++", "make"), reason="no make, gcc or g++")
def test_make_tests_the_preprocessing_and_prints_sizes(kits):
    command = ["make", "test", "size", "BUILD=build"]
    done = subprocess.run(command, cwd=kits[0], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "preprocessing: 0 of 32 values differ" in done.stdout
    assert re.search(r"text\s+data\s+bss", done.stdout)
    objects = [f"build/{name}.o" for name in ("model_data", "preprocess", "golden")]
    command = ["nm", "--defined-only", "-g", *objects, "build/result.o"]
    done = subprocess.run(command, cwd=kits[0], capture_output=True, text=True)
    symbols = re.findall(r" [A-Z] (\w+)", done.stdout)
    assert len(symbols) > 8 and all(name.startswith("one") for name in symbols)


@pytest.mark.slow
@pytest.mark.skipif(not has("cmake", "ctest"), reason="there is no CMake")
def test_cmake_builds_and_tests(kits):
    build = "cmake -S . -B cmake-build && cmake --build cmake-build && "
    command = build + "ctest --test-dir cmake-build"
    done = subprocess.run(command, shell=True, cwd=kits[1], capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert b"100% tests passed" in done.stdout


@pytest.mark.skipif(
    not has("make", ARM[0], "qemu-system-arm"),
    reason="no make, gcc-arm-none-eabi or qemu-system-arm",
)
def test_make_compiles_for_a_cortex_m4_and_tests_in_qemu(kits):
    command = ["make", "test-arm", "size-arm"]
    done = subprocess.run(command, cwd=kits[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "preprocessing: 0 of 5 values differ" in done.stdout
    assert "cortex-m4/preprocess.o" in done.stdout
