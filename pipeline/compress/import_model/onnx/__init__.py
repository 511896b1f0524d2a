"""Rebuild an ONNX file as a trainable Keras 3 model with channels last.

`model_file` reads and checks a file, without TensorFlow; `build` makes the model, with
one module per kind of operator.
"""
