"""`tfds:NAME`, `tfds:NAME/CONFIG:VERSION`: a set of TensorFlow Datasets.

Images of one size, audio or texts, paired with class labels. A prepared set is read
from `data.data_dir`; one that is not there is fetched unless `data.download` is
false. Its own validation and test splits stay what they are; `data.subsplits` says
which parts to take, in TFDS's own syntax.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from pipeline.data.examples import Examples
from pipeline.data.features import FixedLength
from pipeline.data.sources.reader import Intake
from pipeline.data.network import reachable
from pipeline.data.paths import expand, locate
from pipeline.data.rows import Rows
from pipeline.data.audio import front_end
from pipeline.core.errors import UserError, nearest

BATCH = 256
ClassLabel = tfds.features.ClassLabel


def read(name: str, intake: Intake) -> Examples:
    """Read every split of the set, `train` first, to the disk."""
    builder = _builder(name, intake)
    kind, label = _features(builder, name, intake)
    splits = _splits(builder, intake)
    arrange = ARRANGE[kind](builder, intake)
    y, origin = _copy(builder, splits, arrange)
    return Examples(
        x=arrange.x(),
        y=y,
        classes=tuple(label.names),
        own_test=_own(origin, "test"),
        own_validation=_own(origin, "validation"),
        **arrange.signature(),
    )


class Images:
    """Images of one size, stored as they are."""

    def __init__(self, builder: tfds.core.DatasetBuilder, intake: Intake):
        feature = builder.info.features[_keys(builder)[0]]
        self.dtype = np.dtype(feature.np_dtype)
        self.writer = intake.writer(feature.shape, self.dtype)

    def add(self, batch: np.ndarray) -> None:
        """Keep a batch."""
        self.writer.append(batch)

    def x(self) -> Rows:
        """What was kept."""
        self.writer.close()
        return Rows(self.writer.path)

    def signature(self) -> dict[str, Any]:
        """What `Examples` must know of it."""
        return {"scale": 1 / 255 if self.dtype == np.uint8 else 1.0}


class Audio:
    """Clips, cut or padded to one length; whole numbers are of 16 bits."""

    def __init__(self, builder: tfds.core.DatasetBuilder, intake: Intake):
        feature = builder.info.features[_keys(builder)[0]]
        self.audio = intake.params.audio
        self.rate = feature.sample_rate or self.audio.rate
        if not self.rate or self.audio.rate not in (None, self.rate):
            raise UserError(
                f"data.audio.rate is {self.audio.rate}, and {builder.name} has "
                f"{feature.sample_rate} samples a second; set it to what it has"
            )
        self.length = FixedLength(round(self.audio.seconds * self.rate), self.rate)
        self.writer = intake.writer((self.length.samples,), np.dtype(np.float32))

    def add(self, batch: np.ndarray) -> None:
        """Keep a batch."""
        scale = 2.0**-15 if np.issubdtype(batch.dtype, np.integer) else 1.0
        clips = (batch * scale).astype(np.float32)
        self.writer.append(self.length.apply(clips))

    x = Images.x

    def signature(self) -> dict[str, Any]:
        """What `Examples` must know of it."""
        steps = front_end(self.audio, self.rate)
        return {"modality": "audio", "steps": steps, "learns": "standardise"}


class Texts:
    """Texts, kept in memory."""

    def __init__(self, builder: tfds.core.DatasetBuilder, intake: Intake):
        self.texts: list[str] = []

    def add(self, batch: np.ndarray) -> None:
        """Keep a batch."""
        self.texts += [text.decode("utf-8", "replace") for text in batch]

    def x(self) -> np.ndarray:
        """What was kept."""
        return np.array(self.texts, dtype=object)

    def signature(self) -> dict[str, Any]:
        """What `Examples` must know of it."""
        return {"modality": "text", "learns": "vocabulary"}


ARRANGE = {
    tfds.features.Image: Images,
    tfds.features.Audio: Audio,
    tfds.features.Text: Texts,
}


def _builder(name: str, intake: Intake) -> tfds.core.DatasetBuilder:
    params = intake.params
    try:
        builder = tfds.builder(name, data_dir=_folder(params.data_dir))
    except tfds.core.DatasetNotFoundError:
        hint = nearest(name, tfds.list_builders(with_community_datasets=False))
        raise UserError(f'{intake.key} "tfds:{name}": no such data set{hint}') from None
    except (ValueError, AssertionError) as error:
        reason = str(error).strip().splitlines() or ["no such version"]
        raise UserError(f'{intake.key} "tfds:{name}": {reason[0]}') from None
    if builder.is_prepared():
        return builder
    if not params.download:
        raise UserError(
            f"{builder.data_path}: {name} is not prepared there, and data.download is "
            "false; set data.data_dir to where it is, or data.download to true"
        )
    _download(builder, name)
    return builder


def _folder(text: str | None) -> str | None:
    """`data.data_dir`, which may also be an address such as gs://bucket."""
    if not text or "://" in text:
        return text and expand(text, "data.data_dir")
    return str(locate(text, "data.data_dir"))


def _download(builder: tfds.core.DatasetBuilder, name: str) -> None:
    """Fetch a set, unless the machine is offline: TFDS would retry for minutes."""
    urls = sorted(getattr(builder, "url_infos", None) or {})
    host = next((url for url in urls if url.startswith("http")), None)
    if host and not reachable(host):
        folder = Path(builder.data_path)
        raise UserError(
            f"{folder}: {name} is not prepared there, and {host} cannot be reached "
            "to download it. By hand: on a machine with a network run\n"
            f'    python -c "import tensorflow_datasets as tfds; '
            f"tfds.builder('{name}', data_dir='tfds').download_and_prepare()\"\n"
            f"copy its folder tfds/{builder.name} to {folder.parents[0]}, and set "
            "data.download to false"
        )
    builder.download_and_prepare()


def _features(
    builder: tfds.core.DatasetBuilder, name: str, intake: Intake
) -> tuple[type, Any]:
    """The kind of input, and the label's feature."""
    keys, features = _keys(builder), builder.info.features
    kinds = [kind for kind in ARRANGE if keys and isinstance(features[keys[0]], kind)]
    if not kinds or not isinstance(features[keys[1]], ClassLabel):
        raise UserError(
            f'{intake.key} "tfds:{name}": must pair images, audio or texts with class '
            f"labels; it has {features}"
        )
    if kinds[0] is tfds.features.Image and None in features[keys[0]].shape:
        raise UserError(
            f'{intake.key} "tfds:{name}": its images differ in size '
            f"{features[keys[0]].shape}; they must be of one size"
        )
    return kinds[0], features[keys[1]]


def _keys(builder: tfds.core.DatasetBuilder) -> tuple[str, str] | None:
    """Names of input and label; where TFDS does not say them, the only two that fit.

    It does not for a set that is read by its version, or was stored ad hoc.
    """
    if builder.info.supervised_keys:
        return builder.info.supervised_keys[:2]
    features = dict(builder.info.features)
    inputs = [name for name, one in features.items() if isinstance(one, tuple(ARRANGE))]
    labels = [n for n, one in features.items() if isinstance(one, ClassLabel)]
    return (inputs[0], labels[0]) if len(inputs) == len(labels) == 1 else None


def _splits(builder: tfds.core.DatasetBuilder, intake: Intake) -> list[tuple[str, str]]:
    """`(what it is, TFDS's text)`: all splits, or those that are asked for."""
    asked = intake.params.subsplits
    if asked:
        _check_apart(builder, asked)
        return sorted(asked.items(), key=lambda split: split[0] != "train")
    labelled = [split for split in builder.info.splits if split != "unsupervised"]
    return [
        (split, split)
        for split in sorted(labelled, key=lambda split: (split != "train", split))
    ]


def _check_apart(builder: tfds.core.DatasetBuilder, asked: dict[str, str]) -> None:
    """Refuse subsplits that take an example twice, where sizes are known."""
    if not builder.info.splits:
        return
    taken: list[tuple[str, str, int, int]] = []
    for name, text in asked.items():
        for split, begin, end in _ranges(builder, text):
            for other, place, low, high in taken:
                if place == split and begin < high and low < end:
                    raise UserError(
                        f"data.subsplits: {other} and {name} both take examples "
                        f"{max(begin, low)} .. {min(end, high) - 1} of {split}; splits "
                        "must be disjoint"
                    )
            taken.append((name, split, begin, end))


def _ranges(
    builder: tfds.core.DatasetBuilder, text: str
) -> Iterator[tuple[str, int, int]]:
    """`(split, begin, end)` of each part of TFDS's text, `train[:10%]+test`."""
    try:
        asked = tfds.core.ReadInstruction.from_spec(text)
        parts = asked.to_absolute(builder.info.splits)
    except (ValueError, KeyError, AssertionError) as error:
        raise _no_split(builder, text, error) from None
    for part in parts:
        count = builder.info.splits[part.splitname].num_examples
        begin, end, _ = slice(part.from_, part.to).indices(count)
        yield part.splitname, begin, end


def _no_split(
    builder: tfds.core.DatasetBuilder, text: str, error: Exception
) -> UserError:
    known = ", ".join(builder.info.splits)
    return UserError(
        f'{builder.name}: no split "{text}" (there are: {known}; parts are written '
        f'"train[:10%]"; {str(error).splitlines()[0]})'
    )


def _copy(
    builder: tfds.core.DatasetBuilder, splits: list[tuple[str, str]], arrange: Any
) -> tuple[np.ndarray, np.ndarray]:
    labels, origin = [], []
    for name, text in splits:
        for x, y in _batches(builder, text):
            arrange.add(x)
            labels.append(y.astype(np.int64))
            origin.append(np.full(len(y), name))
    if not labels:
        raise UserError(f"{builder.name}: the splits {splits} hold no examples")
    return np.concatenate(labels), np.concatenate(origin)


def _batches(builder: tfds.core.DatasetBuilder, split: str) -> Iterator[tuple]:
    config = tfds.ReadConfig(interleave_cycle_length=1)
    example, label = _keys(builder)
    try:
        dataset = builder.as_dataset(
            split=split, read_config=config, shuffle_files=False
        ).map(lambda features: (features[example], features[label]))
    except (ValueError, KeyError) as error:
        raise _no_split(builder, split, error) from None
    shapes = [spec.shape for spec in dataset.element_spec]
    yield from tfds.as_numpy(dataset.padded_batch(BATCH, padded_shapes=tuple(shapes)))


def _own(origin: np.ndarray, name: str) -> np.ndarray | None:
    mine = origin == name
    return mine if mine.any() and not mine.all() else None
