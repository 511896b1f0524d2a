"""Which layers a phase of fine-tuning trains: the last ones first, then deeper.

Howard, Ruder, Universal Language Model Fine-tuning, 2018: gradual unfreezing. A
frozen batch normalization keeps its statistics, as Keras does it.
"""

from __future__ import annotations

import keras

from pipeline.fit.params import Phase


def unfreeze(model: keras.Model, phase: Phase) -> list[str]:
    """Let the phase's part of the layers be trained, and no other.

    Returns:
        The names of the layers that are trained, in model order.
    """
    layers = [layer for layer in model.layers if layer.weights]
    count = max(1, round(phase.unfreeze * len(layers)))
    for at, layer in enumerate(layers):
        layer.trainable = at >= len(layers) - count
    return [layer.name for layer in layers[len(layers) - count :]]
