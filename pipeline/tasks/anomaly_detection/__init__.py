"""Anomaly detection by reconstruction error."""
