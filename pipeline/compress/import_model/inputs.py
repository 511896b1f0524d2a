"""Give an imported model the dtype of input that the data have.

In: a model whose input is integers or float32. Out: the same model with int32 tokens,
which an Embedding reads, or float32 numbers.
"""

from __future__ import annotations

import keras

from pipeline.compress.rewrite.rebuild import functional_graph, rebuild_with_weights
from pipeline.core.errors import UserError
from pipeline.data.spec import TaskSpec


def with_input_of(model: keras.Model, spec: TaskSpec, path: str) -> keras.Model:
    """Return a model that takes the inputs of the data.

    Args:
        model: functional or Sequential, with one input; it is not changed.
        spec: signature of the data.
        path: file of the model, for the error.

    Raises:
        UserError: if an Embedding has fewer rows than there are tokens.
    """
    if spec.vocabulary:
        _check_rows(model, spec, path)
    dtype = "int32" if spec.vocabulary else "float32"
    if functional_graph(model).inputs[0].dtype == dtype:
        return model
    return rebuild_with_weights(model, lambda layer: None, input_dtype=dtype)


def _check_rows(model: keras.Model, spec: TaskSpec, path: str) -> None:
    embeddings = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Embedding)
    ]
    if embeddings and max(layer.input_dim for layer in embeddings) < spec.vocabulary:
        raise UserError(
            f"{path}: its Embedding has {embeddings[0].input_dim} rows, and the tokens "
            f"of {spec.source} go up to {spec.vocabulary - 1}; choose the data that "
            "the model was trained on"
        )
