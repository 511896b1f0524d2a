"""Texts as windows of tokens: shared by the sources `corpus:` and `docstrings:`.

In: documents. Out: `Examples` of which each is a window of token numbers, with the
splits that the documents were divided into. Tokens are learned on the training texts,
and no window reaches from one split into another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.wording import quantity
from pipeline.data.examples import Examples
from pipeline.data.params import DataParams
from pipeline.data.sources.reader import ReadContext
from pipeline.data.sources.registry import CORPORA
from pipeline.data.split_params import SplitParams
from pipeline.tasks.task import Task
from pipeline.tasks.text_tokens import Tokens, learn_tokens

DOCUMENTS = 10  # from this number on, whole documents are divided by default
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Document:
    """One text.

    Args:
        name: of its file or module.
        text: without carriage returns.
    """

    name: str
    text: str


@dataclass(frozen=True)
class _Part:
    """A stretch of a document that is in one split; it begins at `offset`."""

    document: Document
    split: str
    text: str
    offset: int = 0


def examples_of(documents: Sequence[Document], context: ReadContext) -> Examples:
    """Divide documents, learn the tokens, and cut windows.

    Args:
        documents: in an order that is the same on every machine.
        context: the settings.

    Raises:
        UserError: for settings that do not apply to texts, or too little text.
    """
    params = context.params
    _check_settings(context)
    parts = _divide(documents, params)
    training = [part.text for part in parts if part.split == "train"]
    corpus = params.corpus
    tokens = learn_tokens(training, corpus.unit, corpus.length, corpus.vocabulary)
    windows = [tokens.windows(tokens.encode(part.text)) for part in parts]
    _check_windows(parts, windows, context)
    _note_unknown(parts, tokens, context)
    split = np.repeat([part.split for part in parts], list(map(len, windows)))
    x = np.concatenate(windows)
    return Examples(
        x=x,
        y=tokens.predicted(x),
        classes=(),
        modality="text",
        steps=(tokens,),
        vocabulary=tokens.size,
        own_validation=split == "validation",
        own_test=split == "test" if params.split.test else None,
        names=_names(parts, windows, corpus.length - 1),
    )


def check_corpus(examples: Examples, source: str, key: str, task: Task) -> None:
    """Refuse a source of other data for a task on texts, and texts for another task.

    Args:
        examples: of the source.
        source: its name.
        key: dotted key that names it.
        task: of the experiment.

    Raises:
        UserError: names the sources or the task that fit.
    """
    has_texts = any(isinstance(step, Tokens) for step in examples.steps)
    if has_texts and task.labels != "texts":
        raise UserError(
            f'{key} "{source}": holds texts without labels, and data.task {task.name} '
            f"takes {task.labels}; set data.task to next_token"
        )
    if not has_texts:
        kinds = ", ".join(f"{kind}:" for kind in CORPORA)
        raise UserError(
            f'{key} "{source}": data.task {task.name} learns from whole texts; use a '
            f"source of {kinds}"
        )


def _check_settings(context: ReadContext) -> None:
    params, place = context.params, f'{context.key} "{context.source}"'
    if context.key != "data.source":
        raise UserError(
            f"{place}: texts are divided into splits by their source; remove "
            f"{context.key.rpartition('.')[0]}, or put all texts into one folder"
        )
    if params.split.folds or not params.split.use_source_splits:
        name = "folds" if params.split.folds else "use_source_splits"
        raise UserError(
            f"{place}: data.split.{name} would draw windows of one text into several "
            "splits; remove it (texts are divided by data.corpus.split_by)"
        )


def _divide(documents: Sequence[Document], params: DataParams) -> list[_Part]:
    by = params.corpus.split_by
    if by is None:
        by = "document" if len(documents) >= DOCUMENTS else "position"
    fractions = _fractions(params.split)
    if by == "position":
        return [part for document in documents for part in _cut(document, fractions)]
    return _assign(documents, fractions)


def _fractions(split: SplitParams) -> dict[str, float]:
    return {name: getattr(split, name) for name in SPLITS}


def _cut(document: Document, fractions: dict[str, float]) -> list[_Part]:
    """Cut a document at fractions of its length: train first, test last."""
    edges = np.cumsum([0.0, *fractions.values()]) * len(document.text)
    begins = np.round(edges).astype(int)
    return [
        _Part(document, name, document.text[begin:end], int(begin))
        for name, begin, end in zip(fractions, begins, begins[1:])
        if end > begin
    ]


def _assign(documents: Sequence[Document], fractions: dict[str, float]) -> list[_Part]:
    """Put whole documents into splits, in the order of hashes of their texts.

    The split whose share is the furthest from reached takes the next document, so that
    the result depends on the texts alone.
    """
    total = sum(len(document.text) for document in documents)
    missing = {name: fraction * total for name, fraction in fractions.items()}
    chosen: dict[str, str] = {}
    for document in sorted(documents, key=_hash):
        name = max(missing, key=lambda name: missing[name] / (fractions[name] or 1))
        chosen[document.name] = name
        missing[name] -= len(document.text)
    return [_Part(doc, chosen[doc.name], doc.text) for doc in documents]


def _hash(document: Document) -> str:
    return hashlib.sha256(document.text.encode("utf-8", "replace")).hexdigest()


def _check_windows(
    parts: Sequence[_Part], windows: Sequence[np.ndarray], context: ReadContext
) -> None:
    """Refuse texts that leave a split without a window, or training without a whole."""
    needed = [name for name in SPLITS if getattr(context.params.split, name)]
    length, size = context.params.corpus.length, dict.fromkeys(needed, 0)
    whole = 0
    for part, rows in zip(parts, windows):
        size[part.split] += len(rows)
        if part.split == "train":
            whole += int((rows != 0).all(axis=1).sum())
    empty = [name for name, count in size.items() if not count]
    if empty or not whole:
        characters = sum(len(part.text) for part in parts)
        lacks = f"the {empty[0]} split has no text" if empty else "no text is as long"
        raise UserError(
            f'{context.key} "{context.source}": holds {characters:,} characters in '
            f"{quantity(len({p.document.name for p in parts}), 'document')}, too few "
            f"for windows of {length} tokens in every split ({lacks}); add text, or "
            "lower data.corpus.length"
        )


def _note_unknown(parts: Sequence[_Part], tokens: Tokens, context: ReadContext) -> None:
    """Note the characters outside of training that have no token."""
    others = "".join(part.text for part in parts if part.split != "train")
    unknown = set(tokens.unknown(others))
    if not unknown:
        return
    count = sum(character in unknown for character in others)
    context.note(
        f"{count:,} of {len(others):,} characters outside of the training texts are "
        f"none of the {tokens.size - 2:,} known ones, and count as one unknown "
        "character (data.corpus.unit: bytes knows all)"
    )


def _names(
    parts: Sequence[_Part], windows: Sequence[np.ndarray], step: int
) -> np.ndarray:
    """Document and first token of each window."""
    return np.array(
        [
            f"{part.document.name}:{number * step}"
            + (f" from {part.offset}" if part.offset else "")
            for part, rows in zip(parts, windows)
            for number in range(len(rows))
        ]
    )
