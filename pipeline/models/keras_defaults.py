"""Keras's own defaults, whatever the keras.json in the user's home folder says."""

from __future__ import annotations

import keras


def restore_keras_defaults() -> None:
    """Set float type, epsilon and image layout to the values Keras is shipped with.

    Everything that builds, reads or writes a model calls this first; calling it
    again changes nothing.
    """
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
