"""Compression techniques of tf_keras and tfmot: the only package that imports them.

tfmot does not support Keras 3, so a Keras 3 model is first converted (`bridge`).
"""
