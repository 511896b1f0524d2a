"""Verbs that live in modules of their own: their arguments, and where they are.

Imports nothing, so that the command line stays light.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

# A verb's function has the verb's name, with _ for -.
MODULES = {
    "compress-file": "pipeline.compress_file",
    "predict": "pipeline.predict",
    "compare": "pipeline.comparison",
    "reference": "pipeline.reference",
    "tensorboard": "pipeline.tracking.commands",
}


def add(verbs: Any, add_plain: Any, add_named: Any) -> None:
    """Add all of them to a parser.

    Args:
        add_plain: makes a verb with `--root` and `--debug`.
        add_named: makes one that also takes `--exp` and `--set`.
    """
    given = "compress a .keras file that is trained already"
    _compress_file(add_plain(verbs, "compress-file", given))
    _predict(add_plain(verbs, "predict", "what the chosen file says of raw input"))
    summary = "results of experiments side by side, and what explains them"
    _compare(add_plain(verbs, "compare", summary))
    _reference(add_plain(verbs, "reference", "write docs/reference.md, every key"))
    add_named(verbs, "tensorboard", "write TensorBoard logs of what is published")


def _compress_file(verb: Any) -> None:
    verb.add_argument("model", type=Path, metavar="MODEL", help="a .keras file")
    verb.add_argument(
        "--data", required=True, metavar="SOURCE", help="as data.source: npz:FILE, ..."
    )
    verb.add_argument(
        "--budget",
        action="append",
        default=[],
        metavar="KEY=V",
        help="max_drop, max_bytes, max_latency_ms, max_arena or measure",
    )
    verb.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="default: MODEL-compressed beside MODEL, with - for what is no letter, "
        "digit, - or _; show and predict take it as --root and a name",
    )
    verb.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="A.B=V",
        dest="sets",
        help="any other value of data, augment, compress, seed, threads or "
        "portability, as in an experiment file",
    )
    verb.add_argument("--verbose", action="store_true", help="show what libraries say")


def _predict(verb: Any) -> None:
    verb.add_argument("experiment", metavar="EXP")
    verb.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="image, WAV, CSV with a header, texts a line each, or .npy",
    )
    verb.add_argument(
        "--variant", metavar="ID", help="another file than the chosen one"
    )
    verb.add_argument("--json", action="store_true", help="print JSON")


def _compare(verb: Any) -> None:
    verb.add_argument("experiments", nargs="+", metavar="EXP")
    verb.add_argument("--html", type=Path, metavar="FILE", help="also write a page")
    verb.add_argument("--json", action="store_true", help="print JSON")


def _reference(verb: Any) -> None:
    verb.add_argument(
        "--output",
        type=Path,
        default=Path("docs/reference.md"),
        metavar="FILE",
        help="default: %(default)s",
    )
