from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.evaluate.params import EvaluateParams


@pytest.mark.parametrize("value", [0, 99, 100_001, 2000.5, "many"])
def test_resamples_out_of_range_or_of_another_type_are_refused(value):
    with pytest.raises(ValidationError):
        EvaluateParams(resamples=value)
