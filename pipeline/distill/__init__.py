"""The distill stage: a smaller student learns from the trained model."""
