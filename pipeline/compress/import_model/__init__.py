"""A chain for a model that was trained elsewhere: its train stage takes a file."""
