"""Fixed cache sizes for Eigen, the linear algebra inside TensorFlow and LiteRT.

Eigen reads the sizes of the processor's caches once, and they decide where it cuts sums
into blocks: processors with the same instruction sets add in different orders. There is
no setting for them, but every library that contains Eigen keeps them in a variable,
which is found by its symbol and overwritten here.

    install("32768 524288 8388608")   # before the first operation of TensorFlow

In: the sizes of L1, L2 and L3 in bytes. Out: nothing; later operations use these sizes.
Nothing is changed on other systems than Linux.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable, Iterator
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import ModuleType

PACKAGES = ("/tensorflow/", "/ai_edge_litert/")  # in paths of libraries with Eigen
# The static variable of a C++ function; with its guard, the byte "is initialized".
# LiteRT contains Eigen twice, once under a name of its own.
VARIABLE = b"N%b8internal20manage_caching_sizesENS_6ActionEPlS2_S2_E12m_cacheSizes"
NAMESPACES = (b"5Eigen", b"14EigenForTFLite")
SYMBOL_TABLES = (2, 11)  # section types SHT_SYMTAB and SHT_DYNSYM of an ELF file
MAPS = Path("/proc/self/maps")


def install(sizes: str) -> None:
    """Fix the sizes in every library with Eigen, loaded or still to be imported.

    Args:
        sizes: L1, L2 and L3 in bytes, separated by spaces. Fixed once, they stay: a
            second call with the same sizes does nothing.
    """
    values = tuple(int(size) for size in sizes.split())
    load: Callable[..., ModuleType] = ExtensionFileLoader.create_module
    if getattr(load, "cache_sizes", None) == values:
        return
    done: set[str] = set()

    def create_module(self: ExtensionFileLoader, spec: ModuleSpec) -> ModuleType:
        module = load(self, spec)
        if any(package in self.path for package in PACKAGES):
            fix_loaded(values, done)
        return module

    create_module.cache_sizes = values  # type: ignore[attr-defined]
    ExtensionFileLoader.create_module = create_module  # type: ignore[method-assign]
    fix_loaded(values, done)


def fix_loaded(sizes: tuple[int, ...], done: set[str]) -> None:
    """Overwrite the sizes in the libraries that this process has loaded.

    Args:
        sizes: L1, L2 and L3 in bytes.
        done: paths that need no second look; those of this call are added.
    """
    for path, base in loaded_libraries().items():
        if path in done:
            continue
        done.add(path)
        for guard, variable in variables(Path(path)):
            (ctypes.c_long * 3).from_address(base + variable)[:] = list(sizes)
            ctypes.c_byte.from_address(base + guard).value = 1


def loaded_libraries() -> dict[str, int]:
    """Path -> address of the loaded libraries that may contain Eigen."""
    bases: dict[str, int] = {}
    for line in MAPS.read_text().splitlines() if MAPS.exists() else ():
        span, _, offset, _, _, *path = line.split(maxsplit=5)
        if path and int(offset, 16) == 0 and any(p in path[0] for p in PACKAGES):
            bases.setdefault(path[0], int(span.partition("-")[0], 16))
    return bases


def variables(path: Path) -> Iterator[tuple[int, int]]:
    """Offsets of the guard and of the sizes, per copy of Eigen in a library.

    Args:
        path: an ELF file of 64 bits, little endian.
    """
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with content:
        for namespace in NAMESPACES:
            name = VARIABLE % namespace
            if (guard := symbol(content, b"_ZGVZ" + name)) is None:
                continue
            if (variable := symbol(content, b"_ZZ" + name)) is not None:
                yield guard, variable


def symbol(content: mmap.mmap, name: bytes) -> int | None:
    """Offset of a symbol in an ELF file, local ones included; None if it has none.

    Args:
        content: the file.
        name: the symbol, mangled.
    """
    (start,) = struct.unpack_from("<Q", content, 0x28)
    size, count = struct.unpack_from("<HH", content, 0x3A)
    sections = [
        struct.unpack_from("<IIQQQQIIQQ", content, start + size * number)
        for number in range(count)
    ]
    for _, kind, _, _, begin, length, link, _, _, step in sections:
        if kind not in SYMBOL_TABLES:
            continue
        text, end = sections[link][4], sections[link][4] + sections[link][5]
        position = content.find(b"\0" + name + b"\0", text, end) + 1
        if not position:
            continue
        key = struct.pack("<I", position - text)
        entry = content.find(key, begin, begin + length)
        while entry >= 0 and (entry - begin) % step:
            entry = content.find(key, entry + 1, begin + length)
        if entry >= 0:
            return int(struct.unpack_from("<Q", content, entry + 8)[0])
    return None
