"""`text_pairs:FILE`: a file with a text and the text that it becomes in each row.

CSV, TSV or Parquet, plain or .gz, with a header.
"""

from __future__ import annotations

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing
from pipeline.data.delimited import RowFile
from pipeline.data.examples import Examples
from pipeline.data.pairs import Pair, examples_of, problem
from pipeline.data.sources.reader import ReadContext
from pipeline.data.table_roles import column
from pipeline.data.tables import open_table


def read(context: ReadContext) -> Examples:
    """Read the file; see `SourceReader`."""
    file, params = open_table(context), context.params.pairs
    positions = columns(file, context)
    pairs = []
    for number, row in file.rows():
        if len(row) != len(file.header):
            reason = f"has {len(row)} values, the header {len(file.header)}"
            context.bad(f"row {number}", reason, file.path)
            continue
        text, target = (row[position].strip() for position in positions)
        if reason := problem(text, target, params):
            context.bad(f"row {number}", reason, file.path)
        else:
            pairs.append(Pair(number, text, target))
    if not pairs:
        raise UserError(f"{file.path}: no row can be used")
    return examples_of(pairs, context)


def columns(file: RowFile, context: ReadContext) -> tuple[int, int]:
    """Return the positions of input and target.

    Args:
        file: with a header.
        context: the settings.

    Raises:
        UserError: when there is no such column, or only one column.
    """
    params, header = context.params.pairs, file.header
    if len(header) < 2:
        raise UserError(
            f"{file.path}: has one column ({listing(header)}), and pairs need two: a "
            "text and the text that it becomes; separate them by a comma or a tab"
        )
    named = {"input": params.input, "target": params.target}
    if len(header) == 2 and not any(named.values()) and set(header) != {*named}:
        return 0, 1
    first, second = (
        column(file, name or role, f"data.pairs.{role}", context.key)
        for role, name in named.items()
    )
    if first == second:
        raise UserError(
            f"data.pairs: input and target are one column ({header[first]}); name two "
            f"of {listing(header)}"
        )
    return first, second
