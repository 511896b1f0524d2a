"""Segmentation: a class per pixel."""
