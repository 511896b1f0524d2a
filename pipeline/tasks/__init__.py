"""Tasks: all code that depends on the kind of task."""
