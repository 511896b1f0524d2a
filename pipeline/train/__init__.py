"""The train stage: fits the best hyperparameters of tune to the end."""
