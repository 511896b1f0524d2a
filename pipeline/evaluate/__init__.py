"""Evaluation of exported files on the test split."""
