"""Global settings of tf_keras, set explicitly before its first layer is made."""

from __future__ import annotations

from typing import Any

import tf_keras

from pipeline.compress.tfmot.keras_layer import KerasLayer


def configure_tf_keras() -> None:
    """Reset tf_keras to its defaults and register what it lacks.

    A keras.json in the user's home folder thus changes no result.
    """
    tf_keras.backend.set_floatx("float32")
    tf_keras.backend.set_epsilon(1e-7)
    tf_keras.backend.set_image_data_format("channels_last")
    known = tf_keras.utils.get_custom_objects()
    known.update({"hard_silu": hard_silu, "KerasLayer": KerasLayer})


def hard_silu(x: Any) -> Any:
    """Compute x * relu6(x + 3) / 6 (Howard et al., Searching for MobileNetV3, 2019).

    Args:
        x: a tensor of any shape.

    Returns:
        A tensor of the same shape.
    """
    return x * tf_keras.activations.relu(x + 3, max_value=6) / 6
