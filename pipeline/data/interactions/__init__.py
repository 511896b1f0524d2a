"""Interactions of users with items, and triples of a graph, as examples of ranking."""
