"""Mutants of small valid files: what copying, disks, editors and attackers do to them.

Every mutant depends on the name of its reader and its number alone, so that a failure
can be repeated.
"""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

LENGTHS = (0, 1, 2**7, 2**15 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**64 - 1)
TOKENS = (
    *(b"\0", b"\n", b"\r", b'"', b"'", b"\\", b",", b";", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"\x1b[2J\x07", b"%s%n", b"../../etc/passwd", b"nan", b"1e999", b"-1", b"-0"),
    *(b"0" * 5000, b"9" * 400, b"(" * 3000, b"[" * 3000, b"{" * 3000, b"a" * 70_000),
    *("\u202e\u2028\U0001f600".encode(), b"\xc3\x28", b"<script>", b"${HOME}", b"~no"),
)  # fmt: skip
WORDS = (
    *("{", "}", "[", "]", ",", ": ", "- ", "&a ", "*a ", "<<: ", "!!python/none ", "|"),
    *("null", "true", "NaN", "Infinity", "1e999", "-1", "''", '"\\u0000"', "\t", "#"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 3, 10**30, 1e308, "", "x", "\x1b[31m\n", "../..", "/", [], {}),
    *([[]], [None], ["a", "a"], [1.5], {"a": 3}, "é" * 3000, [0] * 3000, "NaN"),
)

Mutator = Callable[[bytes, Random], bytes]


def bytes_changed(seed: bytes, random: Random) -> bytes:
    """Change, remove, repeat, move and add bytes in up to five places.

    Args:
        seed: a valid file.
        random: source of all choices.
    """
    content = bytearray(seed)
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        random.choice(CHANGES)(content, random)
    return bytes(content)


def text_changed(seed: bytes, random: Random) -> bytes:
    """Change the words of a text; one mutant in three has other bytes instead.

    Args:
        seed: a valid file, UTF-8.
        random: source of all choices.
    """
    if random.random() < 0.34:
        return bytes_changed(seed, random)
    lines = seed.decode().splitlines(keepends=True)
    for _ in range(random.choice((1, 2, 4))):
        line = random.randrange(len(lines))
        place, word = random.randrange(len(lines[line]) + 1), random.choice(WORDS)
        end = place + random.choice((0, 0, 1, 6))
        lines[line] = lines[line][:place] + word + lines[line][end:]
        other = random.choice(lines)
        if random.random() < 0.2:
            lines.insert(line, other)
    return "".join(lines).encode()


def json_changed(seed: bytes, random: Random) -> bytes:
    """Replace, remove, rename and repeat values of a JSON document.

    Args:
        seed: a JSON object.
        random: source of all choices.
    """
    value = json.loads(seed)
    for _ in range(random.choice((1, 1, 2, 3))):
        container, key = random.choice(list(_places(value)) or [(value, None)])
        if key is None:
            return json.dumps(copy.deepcopy(random.choice(VALUES))).encode()
        how = random.randrange(6)
        if how < 4:
            container[key] = copy.deepcopy(random.choice(VALUES))
        elif how == 4:
            del container[key]
        elif isinstance(container, dict):
            container[random.choice(("x", "", "\x1b", "a" * 3000))] = container.pop(key)
        else:
            container.insert(key, container[key])
    return json.dumps(value).encode()


def json_or_bytes_changed(seed: bytes, random: Random) -> bytes:
    """Change values of a JSON document, or, one time in four, its text."""
    change = text_changed if random.random() < 0.25 else json_changed
    return change(seed, random)


def zip_changed(
    seed: bytes, random: Random, mutators: dict[str, Mutator] | None = None
) -> bytes:
    """Change the members of a zip file, with right checksums; or its bytes.

    Args:
        seed: a zip file.
        random: source of all choices.
        mutators: ending of a member's name -> its mutator; default: its bytes.
    """
    if random.random() < 0.25:
        return bytes_changed(seed, random)
    with zipfile.ZipFile(io.BytesIO(seed)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    place = random.randrange(len(members))
    name, content = members[place]
    how = random.randrange(10)
    if how == 0:
        del members[place]
    elif how == 1:
        members.append((name, content[: len(content) // 2]))
    elif how == 2:
        odd = ("../x", "/x", "x\n.npy", "a" * 60_000, "\x1b[31m.npy", "", name.upper())
        members[place] = (random.choice(odd), content)
    else:
        fitting = [m for end, m in (mutators or {}).items() if name.endswith(end)]
        change = (fitting or [bytes_changed])[0]
        members[place] = (name, change(content, random))
    return _zip(members, random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))


def _zip(members: list[tuple[str, bytes]], method: int) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return memory.getvalue()


def _places(value: Any) -> Any:
    """Yield `(container, key)` of every value in a JSON document."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _flip(content: bytearray, random: Random) -> None:
    if content:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _set(content: bytearray, random: Random) -> None:
    if content:
        content[random.randrange(len(content))] = random.choice((0, 1, 0x7F, 0xFF))


def _truncate(content: bytearray, random: Random) -> None:
    del content[random.randrange(len(content) + 1) :]


def _remove(content: bytearray, random: Random) -> None:
    place = random.randrange(len(content) + 1)
    del content[place : place + random.choice((1, 2, 4, 40))]


def _repeat(content: bytearray, random: Random) -> None:
    place, source = (random.randrange(len(content) + 1) for _ in range(2))
    content[place:place] = content[source : source + random.choice((4, 30, 300))]


def _length(content: bytearray, random: Random) -> None:
    """Write an odd number where a length may stand, most often in the header."""
    reach = random.choice((16, 64, len(content) + 1))
    place, size = (
        random.randrange(min(reach, len(content) + 1)),
        random.choice((2, 4, 8)),
    )
    number = random.choice(LENGTHS) % 2 ** (8 * size)
    order = random.choice(("little", "big"))
    content[place : place + size] = number.to_bytes(size, order)


def _insert(content: bytearray, random: Random) -> None:
    place = random.randrange(len(content) + 1)
    content[place:place] = random.choice(TOKENS)


CHANGES = (_flip, _flip, _set, _truncate, _remove, _repeat, _length, _length, _insert)
