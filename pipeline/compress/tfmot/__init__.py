"""The one folder that knows tf_keras and tfmot, which refuses Keras 3.

tf_keras is taken as it comes: a keras.json in the user's home changes no result.
"""

import tf_keras

tf_keras.backend.set_floatx("float32")
tf_keras.backend.set_epsilon(1e-7)
tf_keras.backend.set_image_data_format("channels_last")
