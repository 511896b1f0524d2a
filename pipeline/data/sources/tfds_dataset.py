"""`tfds:NAME`: image, audio and text classification sets of TensorFlow Datasets.

Images of one size, audio or texts, paired with class labels. A prepared data set is
read from `data.data_dir`; another is downloaded unless `data.download` is false. Its
own validation and test splits are kept; `data.subsplits` says which parts to use, in
the syntax of TFDS, and `tfds:NAME#train[:80%]` reads one part alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow_datasets as tfds

from pipeline.core.errors import UserError, did_you_mean
from pipeline.data.audio import front_end
from pipeline.data.examples import Examples
from pipeline.data.features import FixedLength
from pipeline.data.network import reachable
from pipeline.data.paths import expand, locate
from pipeline.data.rows import AnyRows
from pipeline.data.sources.reader import ReadContext
from pipeline.data.sources.registry import part_of
from pipeline.data.stored import Stored, Writer

BATCH = 256  # examples per read
ClassLabel = tfds.features.ClassLabel


def read(context: ReadContext) -> Examples:
    """Copy every split of the data set, `train` first; see `SourceReader`."""
    builder = _builder(context)
    kind, label = _features(builder, context)
    splits = _splits(builder, context)
    collector = COLLECTORS[kind](builder, context)
    y, origin = _copy(builder, splits, collector)
    return Examples(
        x=collector.examples(),
        y=y,
        classes=tuple(label.names),
        own_test=_own(origin, "test"),
        own_validation=_own(origin, "validation"),
        **collector.fields(),
    )


class Collector(Protocol):
    """Collects the inputs of a data set batch by batch."""

    def add(self, batch: np.ndarray) -> None:
        """Append a batch, `(n, ...)`, as TFDS yields it."""

    def examples(self) -> AnyRows:
        """Return all raw examples; nothing can be added afterwards."""

    def fields(self) -> dict[str, Any]:
        """Return the fields of `Examples` that the kind of input decides."""


class ImageCollector:
    """Images of one size, stored unchanged.

    Args:
        builder: of the data set.
        context: opens the scratch file.
    """

    def __init__(self, builder: tfds.core.DatasetBuilder, context: ReadContext):
        feature = builder.info.features[_keys(builder)[0]]
        self.dtype = np.dtype(feature.np_dtype)
        self.writer = context.writer(feature.shape, self.dtype)

    def add(self, batch: np.ndarray) -> None:
        """Append images, `(n, height, width, channels)`."""
        self.writer.append(batch)

    def examples(self) -> Stored:
        """Return all images."""
        return _close(self.writer)

    def fields(self) -> dict[str, Any]:
        """Return the scale: pixels of one byte become 0 .. 1."""
        return {"scale": 1 / 255 if self.dtype == np.uint8 else 1.0}


class AudioCollector:
    """Clips, cut or padded to one length; whole numbers are 16-bit samples.

    Args:
        builder: of the data set.
        context: `data.audio` says the length, and the rate where TFDS does not.

    Raises:
        UserError: when no rate is known, or `data.audio.rate` is another one.
    """

    def __init__(self, builder: tfds.core.DatasetBuilder, context: ReadContext):
        feature = builder.info.features[_keys(builder)[0]]
        self.audio = context.params.audio
        rate: int | None = feature.sample_rate or self.audio.rate
        if not rate or self.audio.rate not in (None, rate):
            raise UserError(
                f"data.audio.rate is {self.audio.rate}, and {builder.name} has "
                f"{feature.sample_rate} samples per second; set it to the rate of the "
                "data set"
            )
        self.rate = rate
        self.length = FixedLength(round(self.audio.seconds * rate), rate)
        self.writer = context.writer((self.length.samples,), np.dtype(np.float32))

    def add(self, batch: np.ndarray) -> None:
        """Append clips, `(n, samples)`."""
        scale = 2.0**-15 if np.issubdtype(batch.dtype, np.integer) else 1.0
        clips = (batch * scale).astype(np.float32)
        self.writer.append(self.length.apply(clips))

    def examples(self) -> Stored:
        """Return all clips, float32 in -1 .. 1."""
        return _close(self.writer)

    def fields(self) -> dict[str, Any]:
        """Return the front end."""
        steps = front_end(self.audio, self.rate)
        return {"modality": "audio", "steps": steps, "learns": "standardise"}


class TextCollector:
    """Texts, kept in memory."""

    def __init__(self, builder: tfds.core.DatasetBuilder, context: ReadContext):
        self.texts: list[str] = []

    def add(self, batch: np.ndarray) -> None:
        """Append texts, `(n,)` of bytes in UTF-8."""
        self.texts += [text.decode("utf-8", "replace") for text in batch]

    def examples(self) -> np.ndarray:
        """Return all texts, `(n,)` of str."""
        return np.array(self.texts, dtype=object)

    def fields(self) -> dict[str, Any]:
        """Return the modality."""
        return {"modality": "text", "learns": "vocabulary"}


# Kind of input -> how it is collected.
COLLECTORS: dict[type, Callable[[tfds.core.DatasetBuilder, ReadContext], Collector]] = {
    tfds.features.Image: ImageCollector,
    tfds.features.Audio: AudioCollector,
    tfds.features.Text: TextCollector,
}


def _close(writer: Writer) -> Stored:
    writer.close()
    return writer.rows()


def _builder(context: ReadContext) -> tfds.core.DatasetBuilder:
    params, name = context.params, context.name
    try:
        builder = tfds.builder(name, data_dir=_folder(params.data_dir))
    except tfds.core.DatasetNotFoundError:
        hint = did_you_mean(name, tfds.list_builders(with_community_datasets=False))
        raise UserError(
            f'{context.key} "tfds:{name}": no such data set{hint}'
        ) from None
    except (ValueError, AssertionError) as error:
        reason = str(error).strip().splitlines() or ["no such version"]
        raise UserError(f'{context.key} "tfds:{name}": {reason[0]}') from None
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
    """Resolve `data.data_dir`, which may also be an address such as gs://bucket."""
    if not text or "://" in text:
        return text and expand(text, "data.data_dir")
    return str(locate(text, "data.data_dir"))


def _download(builder: tfds.core.DatasetBuilder, name: str) -> None:
    """Download a data set; fail at once when offline: TFDS would retry for minutes."""
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
    builder: tfds.core.DatasetBuilder, context: ReadContext
) -> tuple[type, Any]:
    """Return the kind of input, and the label's feature."""
    pair, features = _supervised_keys(builder), builder.info.features
    kinds = [
        kind for kind in COLLECTORS if pair and isinstance(features[pair[0]], kind)
    ]
    if not pair or not kinds or not isinstance(features[pair[1]], ClassLabel):
        raise UserError(
            f'{context.key} "{context.source}": must pair images, audio or texts with '
            f"class labels; it has {features}"
        )
    if kinds[0] is tfds.features.Image and None in features[pair[0]].shape:
        raise UserError(
            f'{context.key} "{context.source}": its images differ in size '
            f"{features[pair[0]].shape}; they must be of one size"
        )
    return kinds[0], features[pair[1]]


def _supervised_keys(builder: tfds.core.DatasetBuilder) -> tuple[str, str] | None:
    """Return names of input and label: `supervised_keys`, or the only fitting pair.

    TFDS has no such keys for a data set that is read by its version or stored ad hoc.
    """
    if builder.info.supervised_keys:
        return builder.info.supervised_keys[:2]
    features = dict(builder.info.features)
    kinds = tuple(COLLECTORS)
    inputs = [name for name, kind in features.items() if isinstance(kind, kinds)]
    labels = [name for name, kind in features.items() if isinstance(kind, ClassLabel)]
    return (inputs[0], labels[0]) if len(inputs) == len(labels) == 1 else None


def _keys(builder: tfds.core.DatasetBuilder) -> tuple[str, str]:
    """Return names of input and label of a set that `_features` accepts."""
    keys = _supervised_keys(builder)
    assert keys is not None
    return keys


def _splits(
    builder: tfds.core.DatasetBuilder, context: ReadContext
) -> list[tuple[str, str]]:
    """Return `(name, TFDS's text)` of all labeled splits, or of `data.subsplits`."""
    if part := part_of(context.source):
        return [("train", part)]
    subsplits = context.params.subsplits
    if subsplits:
        texts: dict[str, str] = {str(name): text for name, text in subsplits.items()}
        _check_disjoint(builder, texts)
        return sorted(texts.items(), key=lambda split: split[0] != "train")
    labelled = [split for split in builder.info.splits if split != "unsupervised"]
    return [
        (split, split)
        for split in sorted(labelled, key=lambda split: (split != "train", split))
    ]


def _check_disjoint(builder: tfds.core.DatasetBuilder, texts: dict[str, str]) -> None:
    """Refuse subsplits that use an example twice, where sizes are known."""
    if not builder.info.splits:
        return
    taken: list[tuple[str, str, int, int]] = []
    for name, text in texts.items():
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
    """Yield `(split, begin, end)` of each part of TFDS's text, `train[:10%]+test`."""
    try:
        instruction = tfds.core.ReadInstruction.from_spec(text)
        parts = instruction.to_absolute(builder.info.splits)
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
    builder: tfds.core.DatasetBuilder,
    splits: list[tuple[str, str]],
    collector: Collector,
) -> tuple[np.ndarray, np.ndarray]:
    """Return class numbers, `(n,)` int64, and the split of each, `(n,)` of str."""
    labels, origin = [], []
    for name, text in splits:
        for x, y in _batches(builder, text):
            collector.add(x)
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
    mask = origin == name
    return mask if mask.any() and not mask.all() else None
