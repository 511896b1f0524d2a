"""Keras as it comes: a keras.json in the user's home changes no result.

Importing this module sets it; whatever makes or reads a model imports it.
"""

from __future__ import annotations

import keras

keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")
