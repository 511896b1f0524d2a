"""A look at a new source: the settings that it needs, and what was seen."""
