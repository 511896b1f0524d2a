"""`tfds:NAME`, `tfds:NAME/CONFIG:VERSION`: an image set of TensorFlow Datasets.

A prepared set is read from `data.data_dir`; one that is not there is fetched
unless `data.download` is false. Its own test split, if any, stays the test split.
"""

from __future__ import annotations

import numpy as np
import tensorflow_datasets as tfds

from pipeline.data.examples import Examples
from pipeline.data.params import DataParams
from pipeline.engine.errors import UserError, nearest


def read(name: str, params: DataParams) -> Examples:
    """Read every split of the set into memory, `train` first."""
    builder = _builder(name, params)
    label = _label_feature(builder, name)
    splits = sorted(builder.info.splits, key=lambda split: (split != "train", split))
    parts = [_arrays(builder, split) for split in splits]
    x, y = (np.concatenate(column) for column in zip(*parts))
    own_test = np.repeat(np.array(splits) == "test", [len(part[1]) for part in parts])
    return Examples(
        x=x,
        y=y.astype(np.int64),
        classes=tuple(label.names),
        scale=1 / 255,
        own_test=own_test if own_test.any() else None,
    )


def _builder(name: str, params: DataParams) -> tfds.core.DatasetBuilder:
    try:
        builder = tfds.builder(name, data_dir=params.data_dir)
    except tfds.core.DatasetNotFoundError:
        hint = nearest(name, tfds.list_builders(with_community_datasets=False))
        raise UserError(f'data.source "tfds:{name}": no such data set{hint}') from None
    if builder.is_prepared():
        return builder
    if not params.download:
        raise UserError(
            f"{builder.data_path}: {name} is not prepared there, and data.download is "
            "false; set data.data_dir to where it is, or data.download to true"
        )
    builder.download_and_prepare()
    return builder


def _label_feature(builder: tfds.core.DatasetBuilder, name: str):
    keys = builder.info.supervised_keys
    features = builder.info.features
    image = keys and isinstance(features[keys[0]], tfds.features.Image)
    if not image or not isinstance(features[keys[1]], tfds.features.ClassLabel):
        raise UserError(
            f'data.source "tfds:{name}": must pair images with class labels; '
            f"it has {features}"
        )
    if None in features[keys[0]].shape:
        raise UserError(
            f'data.source "tfds:{name}": its images differ in size '
            f"{features[keys[0]].shape}; they must be of one size"
        )
    return features[keys[1]]


def _arrays(builder: tfds.core.DatasetBuilder, split: str):
    config = tfds.ReadConfig(interleave_cycle_length=1)
    dataset = builder.as_dataset(
        split=split, batch_size=1024, as_supervised=True, read_config=config
    )
    batches = list(tfds.as_numpy(dataset))
    return tuple(np.concatenate(column) for column in zip(*batches))
