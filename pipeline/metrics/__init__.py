"""Metrics, bootstrap and confidence intervals."""
