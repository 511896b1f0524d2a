"""From a data set to the smallest Keras model that meets its accuracy budget."""

__version__ = "0.1.0"
