"""The tune stage: a search over hyperparameters."""
