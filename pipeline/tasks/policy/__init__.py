"""Policies: the action of an agent from the state of its environment."""
