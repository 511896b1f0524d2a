"""Detection: boxes of objects."""
