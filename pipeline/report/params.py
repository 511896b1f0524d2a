"""What an experiment file says of the report."""

from __future__ import annotations

from pydantic import Field

from pipeline.core.params import Params


class ReportParams(Params):
    """Section `report` of an experiment.

    Attributes:
        title: heading of the page, the card and the picture; the experiment's name
            if empty.
    """

    title: str = Field("", max_length=120)
