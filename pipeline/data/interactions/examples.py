"""Interactions as examples, split by time: the last one of each user is the test.

In: rows of users, items and times. Out: `Examples`, one per interaction, whose input is
what came before it (or the user), and whose target is the item. Items that training
does not have cannot be ranked, so examples of them are left out and listed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.core.wording import quantity
from pipeline.data.delimited import RowFile
from pipeline.data.examples import Examples
from pipeline.data.interactions.rows import RankingExamples, check_settings, joined
from pipeline.data.interactions.table import NamedRows, read_rows
from pipeline.data.sources.interaction_params import InteractionParams
from pipeline.data.sources.reader import ReadContext, in_order
from pipeline.tasks.ranking_rows import HISTORY, RankingRows

TRAIN, VALIDATION, TEST = range(3)
Best = Callable[[Sequence[tuple[str, str]], Sequence[Sequence[str]]], float]


@dataclass(frozen=True)
class Taken:
    """One interaction of a user.

    Args:
        item: its name.
        row: number of its row in the file.
    """

    item: str
    row: int


Histories = dict[str, list[Taken]]  # user -> interactions, the oldest first


def read_interactions(
    file: RowFile, context: ReadContext, best: Best | None = None
) -> Examples:
    """Read the interactions of a file; see `SourceReader`.

    Args:
        file: of rows.
        context: the settings, and the receiver of bad rows.
        best: `((user, item) of the test examples, items that each user had taken)` ->
            the best possible NDCG@10, of sources that know it; default None.

    Raises:
        UserError: when columns are missing, or a split would be empty.
    """
    check_settings(context)
    params = context.params.interactions

    def bad(place: str, reason: str) -> None:
        context.bad(place, reason, file.path)

    columns = {"user": params.user, "item": params.item}
    rows = read_rows(file, columns, bad, params.time, params.value)
    histories = _histories(rows, params, context)
    split = _Split(histories, context, bool(context.params.split.test))
    return _examples(split, params, context, best)


def _histories(
    rows: NamedRows, params: InteractionParams, context: ReadContext
) -> Histories:
    """Return the interactions of each user by time, without repeated ones."""
    histories: Histories = defaultdict(list)
    seen: dict[tuple[object, ...], int] = {}
    low = -np.inf if params.min_value is None else params.min_value
    order = np.argsort(np.array(rows.times), kind="stable")
    rated = 0
    for position in order:
        (user, item), row = rows.names[position], rows.numbers[position]
        if rows.values[position] < low:
            rated += 1
            continue
        key: tuple[object, ...] = (user, item)
        if params.repeats == "keep":
            key = (*key, rows.times[position] if params.time else row)
        if (first := seen.setdefault(key, row)) != row:
            reason = f"repeats the interaction of row {first}"
            context.skipped.append((context.source, f"row {row}", reason))
            continue
        histories[user].append(Taken(item, row))
    if rated:
        context.note(f"{quantity(rated, 'row')} below min_value left out")
    return dict(histories)


class _Split:
    """Interactions of each user, divided by time.

    Args:
        histories: of the users.
        context: receives what is left out.
        test: there is a test split.
    """

    def __init__(self, histories: Histories, context: ReadContext, test: bool):
        self.users = in_order(histories)
        self.histories = histories
        self.held_out = 2 if test else 1
        self.context = context
        training = {
            taken.item
            for user in self.users
            for taken in histories[user][: self.trained(user)]
        }
        self.items = in_order(training)
        self.number = {item: number for number, item in enumerate(self.items)}
        short = sum(len(h) <= self.held_out for h in histories.values())
        if short:
            context.note(
                f"{quantity(short, 'user')} with fewer than {self.held_out + 1} "
                "interactions in training only"
            )

    def trained(self, user: str) -> int:
        """Return the number of interactions of a user that are in training."""
        count = len(self.histories[user])
        return count - self.held_out if count > self.held_out else count

    def split_of(self, user: str, position: int) -> int:
        """Return the split of an interaction, by its position in the history."""
        return max(TRAIN, position - self.trained(user) + 1)

    def usable(self, user: str, position: int) -> bool:
        """Return whether an item can be ranked; list the interaction otherwise."""
        taken = self.histories[user][position]
        if taken.item in self.number:
            return True
        split = ("training", "validation", "test")[self.split_of(user, position)]
        reason = (
            f'item "{shown(taken.item)}" is in no training interaction, so it cannot '
            f"be ranked; left out of {split}"
        )
        source = self.context.source
        self.context.skipped.append((source, f"row {taken.row}", reason))
        return False


def _examples(
    split: _Split, params: InteractionParams, context: ReadContext, best: Best | None
) -> Examples:
    length = params.length if params.input == HISTORY else 1
    seen = [_positions(split, user)[-params.seen :] for user in split.users]
    step = RankingRows(
        params.input,
        length,
        split.items,
        split.users,
        tuple(k for positions in seen for k in positions),
        tuple(map(len, seen)),
        params.repeats == "keep",
    )
    examples = RankingExamples(step, params.seen)
    tested: list[tuple[str, str]] = []
    before: list[list[str]] = []
    skips = len(context.skipped)
    for number, user in enumerate(split.users):
        items = [split.number.get(taken.item) for taken in split.histories[user]]
        trained = split.trained(user)
        for position, taken in enumerate(split.histories[user]):
            if not split.usable(user, position):
                continue
            part = split.split_of(user, position)
            others = (
                items[: max(trained, position)] if params.repeats == "first" else []
            )
            x = step.row(number, items[:position])
            examples.add(x, items[position], others, part, taken.row)
            if part == TEST:
                tested.append((user, taken.item))
                before.append([t.item for t in split.histories[user][:position]])
    unranked = len(context.skipped) - skips
    if unranked:
        context.note(
            f"{quantity(unranked, 'interaction')} with an item that training does not "
            "have left out (skipped.csv)"
        )
    if len(split.items) < 2:
        raise UserError(
            f'{context.key} "{context.source}": training has '
            f"{quantity(len(split.items), 'item')}, and a ranking needs two"
        )
    facts = {} if best is None or not tested else {"best": best(tested, before)}
    return joined(examples, context, {"users": len(split.users), **facts})


def _positions(split: _Split, user: str) -> list[int]:
    """Return all items of a user that can be ranked, each once, the oldest first."""
    items = dict.fromkeys(taken.item for taken in split.histories[user])
    return [split.number[item] for item in items if item in split.number]
