"""The data stage: sources, splits, preprocessing and what it publishes."""
