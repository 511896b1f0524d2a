"""Recurrent nets: `rnn`, `lstm` and `gru`, stacked, in one direction or in both.

Elman, Finding Structure in Time, 1990; Hochreiter, Schmidhuber, Long Short-Term
Memory, 1997; Cho et al., Learning Phrase Representations using RNN
Encoder-Decoder, 2014; both directions: Schuster, Paliwal, 1997.
"""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import choose
from pipeline.models.ends import answer, entrance, is_sequence, require, steps
from pipeline.models.registry import builder

EMBEDDING = 32


@builder("rnn")
def rnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """A stack of Elman's simple recurrent layers."""
    return _recurrent("rnn", layers.SimpleRNN, hp, spec)


@builder("lstm")
def lstm(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """A stack of long short-term memories."""
    return _recurrent("lstm", layers.LSTM, hp, spec)


@builder("gru")
def gru(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """A stack of gated recurrent units."""
    return _recurrent("gru", layers.GRU, hp, spec)


def _recurrent(
    name: str, cell: type, hp: HyperParameters, spec: TaskSpec
) -> keras.Model:
    needs = "sequences (steps, features), (frames, bins, 1), tokens or columns"
    require(name, spec, needs, is_sequence(spec))
    own = choose(
        hp, activation="tanh", initializer="glorot_uniform", normalization="none"
    )
    units = own.wide(hp.Int("units", 16, 64, step=16, default=32))
    count = own.deep(hp.Int("layers", 1, 3, default=1))
    both = hp.Boolean("bidirectional", default=False)
    given = entrance(spec)
    x = steps(given, spec, own.wide(EMBEDDING))
    for number in range(1, count + 1):
        layer = cell(
            units,
            activation=own.activation,
            return_sequences=number < count,
            name=f"{name}{number}",
            **own.weights(),
        )
        if both:
            layer = layers.Bidirectional(layer, name=f"{name}{number}_both")
        x = own.normalize(layer(x), f"{name}{number}_norm")
    return keras.Model(given, answer(own.drop(x), spec, own), name=name)
