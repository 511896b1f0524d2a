"""Adjustments of post-training quantization: no training, seconds per file."""
