"""plotly.min.js, as the Python package plotly carries it.

In: the installed package. Out: the script beside the page, which needs no network. A
new version of the package makes the report stale, as that of any library does.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError

if TYPE_CHECKING:  # for the fingerprint only: importing plotly imports TensorFlow
    import plotly  # type: ignore[import-untyped]  # noqa: F401

NAME = "plotly.min.js"


def copy_plotly(folder: Path) -> None:
    """Write the script into a folder.

    Args:
        folder: the folder of the page.

    Raises:
        UserError: if plotly is not installed, or not completely.
    """
    path = _path()
    if path is None or not path.is_file():
        raise UserError(
            f"{path or NAME}: the package plotly is incomplete; repair it with: make "
            "clean-venv and run the same command again"
        )
    (folder / NAME).write_bytes(path.read_bytes())


def _path() -> Path | None:
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "package_data" / NAME
