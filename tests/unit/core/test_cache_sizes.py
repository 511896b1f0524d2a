"""The cache sizes of Eigen: found in a library and overwritten."""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
from pathlib import Path

import pytest

from pipeline.core import cache_sizes
from pipeline.core.determinism import pins
from pipeline.engine.process_environment import process_environment

SIZES = (1, 2, 3)
GUARD, VALUES = 0x100, 0x108
EIGEN = cache_sizes.VARIABLE % b"5Eigen"


def elf(symbols: dict[bytes, int], kind: int = 11) -> bytes:
    """An ELF file with one symbol table."""
    names = b"\0" + b"".join(name + b"\0" for name in symbols)
    entries = bytes(24)
    for name, value in symbols.items():
        position = names.index(b"\0" + name + b"\0") + 1
        entries += struct.pack("<IBBHQQ", position, 0, 0, 0, value, 0)
    table, text = 0x40 + 3 * 64, 0x40 + 3 * 64 + len(entries)
    header = bytearray(0x40)
    struct.pack_into("<Q", header, 0x28, 0x40)
    struct.pack_into("<HH", header, 0x3A, 64, 3)
    sections = bytes(64)
    for fields in (
        (0, kind, 0, 0, table, len(entries), 2, 0, 8, 24),
        (0, 3, 0, 0, text, len(names), 0, 0, 1, 0),
    ):
        sections += struct.pack("<IIQQQQIIQQ", *fields)
    return bytes(header) + sections + entries + names


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


SYMBOLS = {b"_ZGVZ" + EIGEN: GUARD, b"other": 5, b"_ZZ" + EIGEN: VALUES}


@pytest.mark.parametrize("kind", cache_sizes.SYMBOL_TABLES)
def test_the_variable_and_its_guard_are_found(tmp_path, kind):
    path = write(tmp_path / "library.so", elf(SYMBOLS, kind))
    assert list(cache_sizes.variables(path)) == [(GUARD, VALUES)]


@pytest.mark.parametrize("missing", [b"_ZGVZ" + EIGEN, b"_ZZ" + EIGEN])
def test_a_library_without_one_of_them_has_none(tmp_path, missing):
    symbols = {name: value for name, value in SYMBOLS.items() if name != missing}
    path = write(tmp_path / "library.so", elf(symbols))
    assert list(cache_sizes.variables(path)) == []


def test_both_copies_of_eigen_are_found(tmp_path):
    second = cache_sizes.VARIABLE % b"14EigenForTFLite"
    more = {b"_ZGVZ" + second: 0x200, b"_ZZ" + second: 0x208}
    path = write(tmp_path / "library.so", elf({**SYMBOLS, **more}))
    assert list(cache_sizes.variables(path)) == [(GUARD, VALUES), (0x200, 0x208)]


def test_sizes_are_written_once_into_a_loaded_library(tmp_path, monkeypatch):
    library = write(tmp_path / "tensorflow" / "library.so", elf(SYMBOLS))
    memory = ctypes.create_string_buffer(0x200)
    base = ctypes.addressof(memory)
    maps = f"{base:x}-{base + 1:x} r--p 00000000 00:00 0  {library}\n"
    other = f"{base:x}-{base + 1:x} r--p 00000000 00:00 0  /usr/lib/libm.so\n"
    monkeypatch.setattr(cache_sizes, "MAPS", write(tmp_path / "maps", b""))
    cache_sizes.MAPS.write_text(maps + other)
    done: set[str] = set()
    cache_sizes.fix_loaded(SIZES, done)
    assert struct.unpack_from("<qqq", memory.raw, VALUES) == SIZES
    assert memory.raw[GUARD] == 1 and done == {str(library)}
    ctypes.memset(memory, 0, 0x200)
    cache_sizes.fix_loaded(SIZES, done)
    assert memory.raw == bytes(0x200)


def test_a_system_without_proc_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_sizes, "MAPS", tmp_path / "none")
    assert cache_sizes.loaded_libraries() == {}


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64",
    reason="reads the libraries for x86-64 Linux",
)
@pytest.mark.parametrize(
    ("package", "library", "copies"),
    [
        ("tensorflow", "libtensorflow_cc.so.2", 1),
        ("tensorflow", "libtensorflow_framework.so.2", 1),
        ("tensorflow", "lite/python/libpywrap_tflite_common.so", 2),
        ("ai_edge_litert", "libpywrap_litert_common.so", 2),
    ],
)
def test_the_installed_libraries_have_the_variable(package, library, copies):
    from importlib.util import find_spec

    folder = Path(find_spec(package).submodule_search_locations[0])
    assert len(list(cache_sizes.variables(folder / library))) == copies


def test_portable_fixes_the_sizes_and_no_shell_changes_them(monkeypatch):
    monkeypatch.setenv("PIPELINE_CACHE_SIZES", "1 2 3")
    monkeypatch.setenv("TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL", "true")
    native = process_environment({"threads": 1, "portability": "native"})
    portable = process_environment({"threads": 1, "portability": "portable"})
    names = ("PIPELINE_CACHE_SIZES", "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL")
    assert not set(names) & set(native)
    assert {name: portable[name] for name in names} == {
        name: pins(1, "portable")[name] for name in names
    }
