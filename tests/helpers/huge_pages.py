"""Memory in pages of 2 MiB, so that a fork copies few entries of the page tables."""

from __future__ import annotations

import ctypes
import mmap
import re
from pathlib import Path

SIZE = 2 << 20  # bytes
MADV_COLLAPSE = 25  # Linux 6.1; unknown to Python's mmap
REGION = re.compile(r"(\w+)-(\w+) rw-p \S+ \S+ \d+ *(\[heap\]|\[anon.*)?$")


def use_huge_pages() -> None:
    """Move this process's private memory to huge pages, if the kernel can do that."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return
    advise = ctypes.CDLL(None).madvise
    for line in Path("/proc/self/maps").read_text().splitlines():
        if region := REGION.fullmatch(line):
            start, end = _whole_pages(*(int(text, 16) for text in region.groups()[:2]))
            for advice in (mmap.MADV_HUGEPAGE, MADV_COLLAPSE):
                if end > start:
                    advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), advice)


def _whole_pages(start: int, end: int) -> tuple[int, int]:
    return -(-start // SIZE) * SIZE, end // SIZE * SIZE
