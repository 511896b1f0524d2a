"""Forecasting: the next numbers of a series over time."""
