"""The text of a module with a task that no stage can evaluate."""

BARE = """\
from dataclasses import replace
from pipeline.tasks.classification.task import TASK as BASE
TASK = replace(BASE, name="bare:TASK", title="a bare task", chain=False)
"""
