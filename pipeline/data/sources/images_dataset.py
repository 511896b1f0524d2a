"""`images:FOLDER`: one folder of image files per class, in any format of Pillow.

Files must be of one size, or `data.image.size` resizes them. Where all files are gray,
examples have one channel. Transparent pixels show
`data.image.background`; the orientation of EXIF is applied. If a file has 16 bits, the
range of all is learned from the training split.
"""

from __future__ import annotations

import numpy as np

from pipeline.data.decoded_files import read_files
from pipeline.data.examples import Examples
from pipeline.data.folders import list_files
from pipeline.data.image_files import bits_of, channels_of, read_image
from pipeline.data.image_steps import DecodeImage, Resize
from pipeline.data.params import ImageParams
from pipeline.data.paths import source_path
from pipeline.data.sources.reader import ReadContext

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)


def read(context: ReadContext) -> Examples:
    """Read all images of a folder, `(n, height, width, channels)`, uint8 or uint16.

    See `SourceReader`.
    """
    root = source_path(context.source, context.key)
    settings, limit = context.params.image, context.params.limits.image_megapixels
    files = list_files(root, SUFFIXES, context)
    channels = channels_of(files.paths, settings.channels)
    deep = channels == 1 and any(bits_of(f) == 16 for f in files.paths)
    decode = DecodeImage(tuple(settings.color), bits=16 if deep else 8)
    resize = resize_step(settings, channels)
    fields = read_files(
        files,
        lambda file: read_image(file, channels, decode, resize, limit),
        context,
        np.dtype(np.uint16 if deep else np.uint8),
    )
    del fields["positions"]
    steps = (decode, resize) if resize else (decode,)
    return Examples(
        **fields,
        scale=1 / 255,
        steps=steps,
        learns="pixel_range" if deep else "",
    )


def resize_step(settings: ImageParams, channels: int) -> Resize | None:
    """Return the step that `data.image` asks for; None where files keep their size."""
    if settings.size is None:
        return None
    height, width = settings.size
    fit = None if settings.fit == "stretch" else settings.fit
    border = None
    if fit == "pad":
        grey = round(np.dot(settings.color, (0.299, 0.587, 0.114)))
        border = (grey,) if channels == 1 else tuple(settings.color)
    return Resize(height, width, channels, fit, border)
