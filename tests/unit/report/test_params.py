from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.report.params import ReportParams


@pytest.mark.parametrize("title", ["x" * 121, 3, None])
def test_a_title_is_a_short_text(title):
    with pytest.raises(ValidationError):
        ReportParams(title=title)
