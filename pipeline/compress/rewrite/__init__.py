"""Rewriting of Keras 3 graphs: channel pruning and layer folding."""
