"""Q-learning: fit a model by acting in an environment."""
