"""Foundations of all packages: errors, hashes, seeds, JSON and parameters."""
