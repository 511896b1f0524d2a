"""Names of what `data.extend` leaves behind, for the stages that read it.

`pipeline.experiment.earlier_results` keeps the earlier results; no stage runs it.
"""

from __future__ import annotations

FOLDER = "before"  # in an experiment's folder: its results without an extension
FILE = "extension.json"  # published by data where there is an extension
