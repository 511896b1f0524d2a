"""Locks: recorded results of experiments, and runs compared with them."""
