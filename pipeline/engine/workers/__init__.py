"""Pools of processes for parallel tasks, on this machine or a Ray cluster."""
