"""Texts and the texts that they become: shared by `text_pairs:` and `dates:`.

In: pairs. Out: `Examples` of which each is `input SEPARATOR target`; characters are
learned later, on the training split. All pairs of equal inputs are in one split.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.core.wording import quantity
from pipeline.data.examples import Examples
from pipeline.data.sources.params import PairParams
from pipeline.data.sources.reader import ReadContext
from pipeline.data.sources.registry import TEXT_PAIRS
from pipeline.tasks.pair_tokens import SEPARATOR, PairTokens, learn_pair_tokens
from pipeline.tasks.task import Task


@dataclass(frozen=True)
class Pair:
    """A text and the text that it becomes.

    Args:
        row: number of its row.
        text: the input, without blanks around it.
        target: likewise.
    """

    row: int
    text: str
    target: str


def examples_of(pairs: Sequence[Pair], context: ReadContext) -> Examples:
    """Return pairs as examples.

    Args:
        pairs: usable ones, see `problem`.
        context: the settings, and the receiver of notes.
    """
    targets = defaultdict(set)
    for pair in pairs:
        targets[pair.text].add(pair.target)
    repeated = len(targets) < len(pairs)
    several = sum(len(of_input) > 1 for of_input in targets.values())
    if several:
        context.note(
            f"{quantity(several, 'input')} of {context.source} with several targets, "
            "of which a model can write one"
        )
    return Examples(
        x=np.array([pair.text + SEPARATOR + pair.target for pair in pairs], object),
        y=np.array([len(pair.target) for pair in pairs], np.float64),
        classes=(),
        modality="text",
        learns="pair_tokens",
        names=np.array([pair.row for pair in pairs]),
        groups=np.array([pair.text for pair in pairs]) if repeated else None,
    )


def problem(text: str, target: str, params: PairParams) -> str:
    """Return why a pair cannot be used; empty where it can.

    Args:
        text: the input, without blanks around it.
        target: likewise.
        params: the limits.
    """
    for name, value, key, limit in (
        ("input", text, "length", params.length),
        ("target", target, "target_length", params.target_length),
    ):
        if not value:
            return f"its {name} is empty"
        if SEPARATOR in value:
            return f"its {name} holds the control character U+001F"
        if len(value) > limit:
            return (
                f"its {name} {shown(value, 60)} has {len(value)} characters, more than "
                f"data.pairs.{key} ({limit})"
            )
    return ""


def learn_pairs(texts: Iterable[str], params: PairParams) -> PairTokens:
    """Learn the characters of the training split.

    Args:
        texts: `input SEPARATOR target`.
        params: the lengths.
    """
    return learn_pair_tokens(texts, params.length, params.target_length)


def check_pairs(examples: Examples, source: str, key: str, task: Task) -> None:
    """Refuse a source of other data for a task on pairs, and pairs for another task.

    Args:
        examples: of the source.
        source: its name.
        key: dotted key that names it.
        task: of the experiment.

    Raises:
        UserError: names the sources or the task that fit.
    """
    if examples.learns != "pair_tokens":
        kinds = ", ".join(f"{kind}:" for kind in TEXT_PAIRS)
        raise UserError(
            f'{key} "{source}": data.task {task.name} learns from pairs of texts; use '
            f"a source of {kinds}"
        )
    if task.labels != "pairs":
        raise UserError(
            f'{key} "{source}": holds pairs of texts, and data.task {task.name} takes '
            f"{task.labels}; set data.task to seq2seq"
        )
