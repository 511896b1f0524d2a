"""Inference with a published .tflite file on raw input."""
