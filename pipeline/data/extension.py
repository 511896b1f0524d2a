"""Names of what `data.extend` leaves behind, for the stages that read it.

The keeping itself is in `pipeline.experiment.earlier_results`, which no stage runs.
"""

from __future__ import annotations

FOLDER = "before"  # in an experiment's folder: its results without an extension
FILE = "extension.json"  # published by data where there is an extension
