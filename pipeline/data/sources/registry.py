"""Facts about sources that are known without reading them.

In: a source as the experiment file names it. Out: its kind, its reader and its labels;
an error where the kind or the data set does not exist. Imports nothing heavy, because
the command line asks too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath

from pipeline.core.errors import UserError, did_you_mean

# Kind of source -> what follows the colon.
SOURCES = {
    "sklearn": "a data set inside scikit-learn, such as sklearn:digits",
    "scenes": "digits on textured canvases with masks or boxes: scenes:digits",
    "tfds": "a TensorFlow Datasets name, such as tfds:fashion_mnist or tfds:mnist#test",
    "images": "a folder with one folder of image files per class",
    "masks": "a folder with the folders images and masks, a PNG mask per image",
    "coco": "a COCO JSON file with segmentations or boxes, its images beside it",
    "yolo": "a folder with images and labels, a YOLO text file of boxes per image",
    "voc": "a folder with a Pascal VOC XML file of boxes per image",
    "boxes": "a CSV file with an image, a class and a box per row",
    "pairs": "a folder with the folders degraded and clean, files of equal names",
    "webdataset": "a .tar file, or a folder of them, with an image and a .cls each",
    "tfrecord": "a TFRecord file, or a folder of them, of encoded images with labels",
    "wav": "a folder with one folder of WAV files per class",
    "csv": "a CSV or TSV file of numbers with a label column, plain or .gz",
    "text": "a CSV or TSV file with a text column and a label column, plain or .gz",
    "parquet": "a Parquet file with a label column",
    "corpus": "a text file in UTF-8, or a folder of text files",
    "docstrings": "texts inside an installed package: docstrings:sklearn",
    "text_pairs": "a CSV or TSV file with a text and the text that it becomes per row",
    "dates": "dates in many formats and in ISO 8601: dates:iso is embedded",
    "npz": "a NumPy .npz file with the arrays x and y; npz:FILE#test is x_test, y_test",
    "npy": "a folder with the NumPy files x.npy and y.npy",
    "series": "numbers over time: series:load is embedded, series:co2 in statsmodels",
    "interactions": "users and the items they took: interactions:catalog is embedded",
    "gym": "an environment of Gymnasium, to learn a policy in: gym:CartPole-v1",
}
# Kinds that name a path.
FILES = (
    *("images", "masks", "coco", "yolo", "voc", "boxes", "pairs", "wav"),
    *("csv", "text", "parquet", "npz", "npy", "corpus", "text_pairs"),
    *("webdataset", "tfrecord"),
)
# Sources that hold several splits, of which `#` selects one.
PART = re.compile(r"(npz:.+\.npz|tfds:[^#]+)#(.+)", re.DOTALL)
# Kinds that name a folder.
FOLDERS = ("images", "masks", "yolo", "voc", "pairs", "wav", "npy")
PACKED = ("webdataset", "tfrecord")  # kinds of images inside few files
FILES_OR_FOLDERS = ("corpus", *PACKED)  # kinds that name either
CLASS_FOLDERS = ("images", "wav")  # kinds that name a folder of class folders
IMAGE_LISTS = ("coco", "boxes")  # kinds that name a file which lists image files
MASK_FILES = ("masks", "coco")  # kinds that name images with masks
PAIRED = ("pairs",)  # kinds that name degraded images with the clean ones
MAPPED = ("scenes", *MASK_FILES)  # kinds with a mask per image
CORPORA = ("corpus", "docstrings")  # kinds of texts without labels
TEXT_PAIRS = ("text_pairs", "dates")  # kinds of texts with the texts they become
BOX_FILES = ("coco", "yolo", "voc", "boxes")  # kinds that name images with boxes
BOXED = ("scenes", *BOX_FILES)  # kinds with boxes of objects
ENVIRONMENTS = ("gym",)  # kinds in which an agent acts
# Sets of `sklearn:` -> what their labels are, see `pipeline.tasks.task.Task`.
SKLEARN = {
    "digits": "classes",
    "breast_cancer": "classes",
    "iris": "classes",
    "wine": "classes",
    "diabetes": "numbers",
}
# Kind of source -> what its examples are; the others hold arrays of any kind.
MODALITY = {
    "images": "image",
    "masks": "image",
    "coco": "image",
    "yolo": "image",
    "voc": "image",
    "boxes": "image",
    "pairs": "image",
    "scenes": "image",
    "webdataset": "image",
    "tfrecord": "image",
    "wav": "audio",
    "text": "text",
    "corpus": "text",
    "docstrings": "text",
    "text_pairs": "text",
    "dates": "text",
    "csv": "table",
    "parquet": "table",
    "series": "series",
    "interactions": "text",
    "gym": "table",
}
IMAGES_OF_SKLEARN = ("digits",)
SCENES = {"digits": "maps"}  # sets of `scenes:`
SERIES = {"load": "series", "co2": "series"}  # sets of `series:`
WITH_TIMES = ("csv", "parquet", "series")  # kinds whose rows can have times
DOCSTRINGS = {"sklearn": "texts"}  # sets of `docstrings:`
DATES = {"iso": "pairs"}  # sets of `dates:`
INTERACTIONS = {"catalog": "interactions"}  # sets of `interactions:`
WITH_NAMES = ("csv", "parquet", "interactions")  # kinds whose rows can be ranked
# Kinds whose sets are all listed.
BUILT_IN = {
    "sklearn": SKLEARN,
    "scenes": SCENES,
    "series": SERIES,
    "docstrings": DOCSTRINGS,
    "dates": DATES,
    "interactions": INTERACTIONS,
}


def listed(extend: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return sources as a tuple.

    Args:
        extend: the value of `data.extend`: null, one source, or several.
    """
    return (extend,) if isinstance(extend, str) else tuple(extend or ())


def check_source(source: str) -> None:
    """Refuse a source that is not of the form `kind:name`.

    Raises:
        UserError: when the kind is unknown or the name is empty.
    """
    kind, _, name = source.partition(":")
    if kind not in SOURCES or not name:
        hint, kinds = did_you_mean(kind, SOURCES), ", ".join(SOURCES)
        raise UserError(f'source "{source}" must be KIND:NAME{hint} (kinds: {kinds})')


def whole_of(source: str) -> str:
    """Return a source without the part of it that `#` selects."""
    match = PART.fullmatch(source)
    return match.group(1) if match else source


def part_of(source: str) -> str:
    """Return what `#` selects of a source: `test` of `npz:a.npz#test`; else nothing."""
    match = PART.fullmatch(source)
    return match.group(2) if match else ""


def dataset_name(source: str) -> str:
    """Return the name of a data set; of a path, without its folder and extensions.

    Args:
        source: `kind:name`.
    """
    kind, _, name = whole_of(source).partition(":")
    return PurePath(name).name.partition(".")[0] if kind in FILES else name


def reader_module(source: str) -> str:
    """Return the dotted name of the module that reads a kind of source.

    Args:
        source: `kind:name`.
    """
    return f"pipeline.data.sources.{source.partition(':')[0]}_dataset"


def check_times(source: str) -> None:
    """Refuse a source whose rows have no times.

    Args:
        source: `kind:name`.

    Raises:
        UserError: it lists the kinds that can have them.
    """
    if source.partition(":")[0] not in WITH_TIMES:
        raise UserError(
            f"source {source} has no rows with times, which series need; it can be of "
            f"{', '.join(f'{kind}:' for kind in WITH_TIMES)}"
        )


def check_names(source: str) -> None:
    """Refuse a source whose rows hold no names of users and items, or of a graph.

    Args:
        source: `kind:name`.

    Raises:
        UserError: it lists the kinds that can have them.
    """
    if source.partition(":")[0] not in WITH_NAMES:
        raise UserError(
            f"source {source} has no rows of users and items, or of triples; it can be "
            f"of {', '.join(f'{kind}:' for kind in WITH_NAMES)}"
        )


def check_known(source: str, key: str) -> None:
    """Refuse a data set that does not exist, of the kinds whose sets are all known.

    Args:
        source: `kind:name`; only kinds of `BUILT_IN` are checked.
        key: dotted key of the experiment file that names the source, for the error.

    Raises:
        UserError: for an unknown name; it lists the known ones.
    """
    kind, _, name = source.partition(":")
    sets = BUILT_IN.get(kind)
    if sets is not None and name not in sets:
        known, hint = ", ".join(sets), did_you_mean(name, sets)
        raise UserError(f'{key} "{source}": unknown{hint} (known: {known})')


def known_labels(source: str) -> tuple[str, ...]:
    """Return the kinds of labels that a source can have; none where they are unknown.

    Returns:
        `classes`, `numbers`, `maps`, `boxes`, `images`, `series`, `texts`, `pairs` and
        `experience`, as `pipeline.tasks.task.Task` has them.
    """
    kind, _, name = source.partition(":")
    targets = {
        "maps": MAPPED,
        "boxes": BOXED,
        "images": PAIRED,
        "texts": CORPORA,
        "pairs": TEXT_PAIRS,
        "experience": ENVIRONMENTS,
    }
    if labels := tuple(label for label, kinds in targets.items() if kind in kinds):
        return labels
    known = BUILT_IN.get(kind, {}).get(name)
    return (known,) if known else ()


def modality_of(source: str) -> str | None:
    """Return `image`, `audio`, `text` or `table`; None where the kind does not tell."""
    kind, _, name = source.partition(":")
    if kind == "sklearn" and name in SKLEARN:
        return "image" if name in IMAGES_OF_SKLEARN else "table"
    return MODALITY.get(kind)
