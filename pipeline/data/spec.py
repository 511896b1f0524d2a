"""The signature of a data set; see `pipeline.tasks.spec`, where it is defined."""

from pipeline.tasks.spec import TaskSpec, read_spec, write_spec

__all__ = ["TaskSpec", "read_spec", "write_spec"]
