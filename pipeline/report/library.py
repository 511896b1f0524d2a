"""The plotting library of the page: plotly.js, as the Python package carries it.

The page needs no network: the script is copied beside it. Another version of the
package makes the report stale, as any library's does.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError

if TYPE_CHECKING:  # named for the fingerprint; importing it would take TensorFlow along
    import plotly  # noqa: F401

NAME = "plotly.min.js"
FILE = Path(find_spec("plotly").origin).parent / "package_data" / NAME


def copy_library(folder: Path) -> None:
    """Put the script beside a page.

    Raises:
        UserError: when the package has lost it.
    """
    if not FILE.is_file():
        raise UserError(
            f"{FILE}: the package plotly is not whole; repair it with: make clean-venv "
            "and run the same command again"
        )
    (folder / NAME).write_bytes(FILE.read_bytes())
