"""A chain without training: its train stage imports a model from a .keras file."""
