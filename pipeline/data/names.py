"""Names of classes and columns are checked once, where a source has been read.

They are written into labels.txt, C headers, file names of the report and terminals, one
name per line.
"""

from __future__ import annotations

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.data.examples import Examples

MAX_LENGTH = 200  # characters


def check_names(examples: Examples, source: str, key: str) -> None:
    """Refuse a name that cannot stand in a line of text.

    Args:
        examples: as a reader returned them.
        source: `kind:name`.
        key: dotted key of the experiment file that names the source, for the error.

    Raises:
        UserError: it quotes the name.
    """
    kinds = {
        "class": examples.classes,
        "column": examples.inputs,
        "extra target": tuple(examples.extra_targets),
        "category": tuple(t for texts in examples.categories.values() for t in texts),
    }
    for targets in examples.extra_targets.values():
        texts = set(targets.tolist()) if targets.dtype.kind == "U" else ()
        kinds["extra target"] += tuple(texts)
    for kind, names in kinds.items():
        for name in names:
            if reason := _problem(name, may_be_empty=kind == "category"):
                raise UserError(
                    f'{key} "{shown(source, 200)}": the {kind} "{shown(name)}" '
                    f"{reason}; rename it"
                )


def _problem(name: str, may_be_empty: bool) -> str:
    if not name.strip():
        return "" if may_be_empty else "is empty"
    if len(name) > MAX_LENGTH:
        return f"has {len(name):,} characters, more than {MAX_LENGTH}"
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return "is not valid UTF-8"
    if not name.isprintable():
        return "holds a control character or a line break"
    return ""
