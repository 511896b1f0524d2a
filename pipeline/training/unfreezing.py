"""Gradual unfreezing: the layers that a phase of fine-tuning trains.

In: a model and a phase. Out: the model with the last layers trainable and the others
frozen (Howard, Ruder, Universal Language Model Fine-tuning for Text Classification,
2018). A frozen batch normalization keeps its statistics, as in Keras.
"""

from __future__ import annotations

import keras

from pipeline.training.params import Phase


def unfreeze(model: keras.Model, phase: Phase) -> list[str]:
    """Make the layers of the phase trainable, and freeze the others.

    Args:
        model: changed in place.
        phase: its `unfreeze` is the fraction of layers, counted from the output.

    Returns:
        Names of the trainable layers, in model order.
    """
    layers = [layer for layer in model.layers if layer.weights]
    count = max(1, round(phase.unfreeze * len(layers)))
    for index, layer in enumerate(layers):
        layer.trainable = index >= len(layers) - count
    return [layer.name for layer in layers[len(layers) - count :]]
