"""The plotting library of the page: plotly.js, its basic bundle, MIT licence.

`vendor/plotly-basic.min.js` is the file of the npm package plotly.js-basic-dist-min,
as it was published: scatter and bar charts, a quarter of the whole library's size,
which the Python package does not hold. Its hash stands here, so that another version
makes the report stale and a damaged one is noticed.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.engine.errors import UserError
from pipeline.engine.hashing import hash_file

VERSION = "4.1.1"
NAME = "plotly-basic.min.js"
SHA256 = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"
FILE = Path(__file__).parent / "vendor" / NAME


def copy_library(folder: Path) -> None:
    """Put the script beside a page.

    Raises:
        UserError: when it is missing or not as it was published.
    """
    if not FILE.is_file() or hash_file(FILE) != SHA256:
        raise UserError(
            f"{FILE}: must be plotly.js-basic-dist-min {VERSION}, SHA-256 {SHA256}; "
            "restore it with: git checkout -- pipeline/report/vendor"
        )
    (folder / NAME).write_bytes(FILE.read_bytes())
