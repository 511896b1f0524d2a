"""The one folder that knows tf_keras and tfmot, which refuses Keras 3."""
