"""Modules that tests import: they contain no test and no fixture."""
