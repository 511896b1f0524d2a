"""An experiment: its file, its chain of stages, and what is done with it."""
