"""Ranking: the next item of a user, or the tail of a head and a relation."""
