"""A look at a folder of class folders: `images:` and `wav:`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.data.folders import LabelledFiles, list_files
from pipeline.data.image_files import size_of
from pipeline.data.params import DataParams
from pipeline.data.sources.images_dataset import SUFFIXES
from pipeline.data.sources.reader import ReadContext
from pipeline.data.wav_files import length_of
from pipeline.experiment.summary.summary import Summary, described, refuse_one_class

LOOKED_AT = 400  # files whose header is read
MAX_SIDE = 96  # pixels that are proposed for files of different sizes


def images(root: Path, params: DataParams, summary: Summary) -> None:
    """Note classes, sizes and color of image files.

    Raises:
        UserError: for a folder without class folders, or with splits in their place.
    """
    files = _listed(root, SUFFIXES, params, summary)
    looks = [look for file in _some(files.paths) if (look := size_of(file))]
    sizes = Counter((height, width) for height, width, _ in looks)
    if not sizes:
        raise UserError(f"{root}: none of its files is an image that can be opened")
    if len(sizes) == 1:
        (height, width), _ = sizes.most_common(1)[0]
        summary.add(f"all of {height} x {width} pixels (height x width)")
        summary.defaults["image"] = {"size": None}
        if max(height, width) > MAX_SIDE:
            summary.add("large: a smaller image.size trains and runs faster")
    else:
        smallest, largest = min(sizes), max(sizes)
        summary.add(
            f"sizes from {smallest[0]} x {smallest[1]} to {largest[0]} x {largest[1]} "
            "pixels (height x width): they are resized"
        )
        summary.settings["image"] = {"size": _common(sizes)}
    if all(gray for _, _, gray in looks):
        summary.add("gray pixels")
        summary.settings.setdefault("image", {})["channels"] = 1
        summary.defaults.pop("image", None)


def clips(root: Path, params: DataParams, summary: Summary) -> None:
    """Note classes, rates and lengths of WAV files.

    Raises:
        UserError: for a folder without class folders, or with splits in their place.
    """
    files = _listed(root, {".wav"}, params, summary)
    looks = [look for file in _some(files.paths) if (look := length_of(file))]
    rates = Counter(rate for rate, _ in looks)
    if not rates:
        raise UserError(f"{root}: none of its files is a WAV file that can be opened")
    seconds = sorted(seconds for _, seconds in looks)
    summary.add(f"{rates.most_common(1)[0][0]} samples per second")
    summary.add(f"clips of {seconds[0]:.3g} to {seconds[-1]:.3g} seconds")
    if len(rates) > 1:
        others = ", ".join(str(rate) for rate, _ in rates.most_common()[1:])
        summary.add(
            f"others have {others} samples per second and are refused: resample them"
        )
    typical = round(seconds[int(0.95 * (len(seconds) - 1))], 1) or 0.1
    if abs(typical - params.audio.seconds) > 0.2:
        summary.settings["audio"] = {"seconds": min(typical, 60.0)}
    else:
        summary.defaults["audio"] = {"seconds": params.audio.seconds}


def _listed(
    root: Path, suffixes: Collection[str], params: DataParams, summary: Summary
) -> LabelledFiles:
    """All files; folders without one are noted, and are no class."""
    params = params.model_copy(update={"on_bad_example": "skip"})
    context = ReadContext(params, root, source=params.source, key="--source")
    files = list_files(root, suffixes, context)
    counts = Counter(files.labels)
    names = sorted(counts)
    if not names:
        raise UserError(
            f"{root}: its folders hold no {', '.join(sorted(suffixes))} file"
        )
    refuse_one_class(root, names)
    summary.add(f"{len(files.paths)} files in {described(names)}")
    empty = [place for _, place, _ in context.skipped]
    if empty:
        summary.add(f"without a file: {', '.join(empty)}")
        summary.settings["classes"] = names
        summary.settings["on_bad_example"] = "skip"
    return files


def _some(paths: list[Path]) -> list[Path]:
    """Files at equal distances, so that all classes are among them."""
    return paths[:: max(1, len(paths) // LOOKED_AT)]


def _common(sizes: Counter[tuple[int, int]]) -> list[int]:
    """The median sides, at most `MAX_SIDE` pixels, in the median's proportions."""
    sides = [sorted(size[k] for size in sizes.elements()) for k in (0, 1)]
    middle = [values[len(values) // 2] for values in sides]
    factor = min(1.0, MAX_SIDE / max(middle))
    return [max(1, round(side * factor)) for side in middle]
