"""The train stage of a model that was trained elsewhere."""
