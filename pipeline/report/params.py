"""Parameters of the report stage."""

from __future__ import annotations

from pydantic import Field

from pipeline.core.params import Params


class ReportParams(Params):
    """Section `report` of an experiment.

    Attributes:
        title: heading of page, card and plot; the experiment's name if empty.
    """

    title: str = Field("", max_length=120)
