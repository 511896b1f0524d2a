"""Sections of `data` that describe how sources of one kind are read."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.core.params import Params

HEX = re.compile("#[0-9a-fA-F]{6}")


class ColumnParams(Params):
    """Roles of the columns of a CSV file, or of the arrays of an .npz file.

    Args:
        label: the class, or the number to predict.
        text: the text, for `text:`.
        ignore: columns that are not inputs; the column of `split.group` never is one.
        categories: inputs that hold words or codes. Each becomes one input per value
            of the training split, and one for values that are not in it, or only once.
        gaps: a number that is missing is a bad example (`error`), or becomes the
            median of the training split, with an input that is 1 where it was missing
            (`median`).
        separator: between the fields of a CSV file; null detects `,`, `;`, `tab`, `|`.
        decimal: mark before the fraction of numbers; null detects it.
    """

    label: str = "label"
    text: str = "text"
    ignore: list[str] = []
    categories: list[str] = []  # a column of names may also be an identifier
    gaps: Literal["error", "median"] = "error"  # a gap may be a fault of the file
    separator: Literal[",", ";", "tab", "|"] | None = None
    decimal: Literal[".", ","] | None = None


class EnvironmentParams(Params):
    """Experience in an environment, `gym:NAME`.

    Args:
        steps: of random actions; they set the scale of the observations, and as many
            states of the trained policy teach a student.
        validation: episodes that decisions are made on; their seeds are 1000000,
            1000001 and so on.
        test: episodes that files are evaluated on; their seeds begin at 2000000.
        max_steps: after which an episode is cut off; null is the environment's own.
    """

    steps: int = Field(default=10_000, ge=100, le=10_000_000)  # some hundred episodes
    # The standard error of a mean return is then a seventh of its spread.
    validation: int = Field(default=50, ge=2, le=10_000)
    test: int = Field(default=100, ge=2, le=10_000)  # as results are usually reported
    max_steps: int | None = Field(default=None, ge=1, le=1_000_000)


class ImageParams(Params):
    """Conversion of image files to arrays.

    Args:
        size: `[height, width]` in pixels to resize to; null requires files of one size.
        fit: how a file of other proportions is resized: `stretch` changes them, `pad`
            adds borders of the background, `crop` cuts the longer side.
        channels: 1 is gray, 3 is color; null is 1 where every file is gray, else 3.
        background: behind transparent pixels: `white`, `black`, or
            `[red, green, blue]` of 0 .. 255.
    """

    size: list[int] | None = Field(default=None, min_length=2, max_length=2)
    fit: Literal["stretch", "pad", "crop"] = "stretch"  # no pixel is lost or added
    channels: Literal[1, 3] | None = None  # as the files
    # What a browser shows, and what a drawing with dark strokes needs.
    background: Literal["white", "black"] | list[int] = "white"

    @property
    def color(self) -> list[int]:
        """The background as red, green and blue."""
        if isinstance(self.background, str):
            return [255 if self.background == "white" else 0] * 3
        return self.background

    @field_validator("background")
    @classmethod
    def _is_color(cls, background: str | list[int]) -> str | list[int]:
        if isinstance(background, list) and (
            len(background) != 3 or not all(0 <= value <= 255 for value in background)
        ):
            raise ValueError("a colour is [red, green, blue], each from 0 to 255")
        return background

    @field_validator("size")
    @classmethod
    def _positive(cls, size: list[int] | None) -> list[int] | None:
        if size and not all(1 <= side <= 4096 for side in size):
            raise ValueError("height and width must be from 1 to 4096")
        return size


class SceneParams(Params):
    """Scenes that `scenes:` composes.

    Args:
        size: height and width in pixels.
        count: number of scenes.
        objects: `[minimum, maximum]` of the objects in a scene.
    """

    size: int = Field(default=96, ge=8, le=512)  # a usual camera crop on boards
    count: int = Field(default=1500, ge=10, le=100_000)
    objects: list[int] = Field(default=[1, 6], min_length=2, max_length=2)

    @field_validator("objects")
    @classmethod
    def _is_range(cls, objects: list[int]) -> list[int]:
        if not 0 <= objects[0] <= objects[1] <= 20:
            raise ValueError("must be [minimum, maximum], from 0 to 20")
        return objects


class MaskParams(Params):
    """Masks of `masks:`, one per image.

    Args:
        colors: color of each class as `"#rrggbb"`, in the order of the classes; null
            reads class numbers (gray or palette PNG).
        ignore: class number, or color, of pixels without a label; null for none.
    """

    colors: dict[str, str] | None = None
    ignore: int | str | None = 255  # the border of objects in Pascal VOC

    @field_validator("colors")
    @classmethod
    def _are_colors(cls, colors: dict[str, str] | None) -> dict[str, str] | None:
        wrong = [color for color in (colors or {}).values() if not HEX.fullmatch(color)]
        if wrong:
            raise ValueError(f'a color is "#rrggbb", not "{wrong[0]}"')
        if colors is not None and len({*map(str.lower, colors.values())}) < len(colors):
            raise ValueError("two classes have the same color")
        if colors is not None and not 2 <= len(colors) <= 255:
            raise ValueError("must name 2 to 255 classes")
        return colors

    @field_validator("ignore")
    @classmethod
    def _is_value(cls, ignore: int | str | None) -> int | str | None:
        if isinstance(ignore, str) and not HEX.fullmatch(ignore):
            raise ValueError(f'a color is "#rrggbb", not "{ignore}"')
        if isinstance(ignore, int) and not 0 <= ignore <= 65_535:
            raise ValueError("a class number is from 0 to 65535")
        return ignore


class AudioParams(Params):
    """Conversion of clips to features.

    Args:
        rate: samples per second that every file must have; null is the most frequent
            rate of the files.
        seconds: clips are cut, or padded with silence, to this length.
        front_end: `log_mel`, the logarithms of mel-band energies, or `mfcc`, their
            cosine transform.
        frame_ms, hop_ms: length of a frame, and time from one frame to the next, in
            milliseconds.
        bins: mel bands per frame.
        coefficients: cosine coefficients per frame, for `mfcc`.
        background: made clips per clip of the source, in a class `background`: noise,
            half of them with less than a third of a word. For keywords in a stream.
    """

    rate: int | None = Field(default=None, ge=1000, le=192_000)
    seconds: float = Field(default=1.0, gt=0, le=60)  # one spoken word
    # MFCC discard detail that small Gaussian models could not use; networks can.
    front_end: Literal["log_mel", "mfcc"] = "log_mel"
    # 256 samples at 8 kHz, 512 at 16 kHz: no zero padding before the FFT.
    frame_ms: float = Field(default=32.0, gt=0, le=1000)
    hop_ms: float = Field(default=16.0, gt=0, le=1000)  # frames overlap by half
    bins: int = Field(default=40, ge=2, le=256)  # usual in keyword spotting
    coefficients: int = Field(default=13, ge=1, le=256)  # usual in speech recognition
    background: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.front_end == "mfcc" and self.coefficients > self.bins:
            raise ValueError(
                f"coefficients must be at most bins ({self.bins}) for mfcc, "
                f"not {self.coefficients}"
            )
        if self.seconds * 1000 < self.frame_ms:
            raise ValueError("seconds must hold at least one frame of frame_ms")
        return self


class TextParams(Params):
    """Conversion of texts to word numbers.

    Args:
        vocabulary: number of word numbers in all; 0 is padding, 1 an unknown word.
        length: words kept per text; longer texts are cut, shorter ones padded.
    """

    # An embedding of 2,000 rows is small enough for a microcontroller.
    vocabulary: int = Field(default=2000, ge=3, le=1_000_000)
    length: int = Field(default=32, ge=1, le=10_000)  # one or two sentences


class CorpusParams(Params):
    """Tokens of `corpus:` and `docstrings:`, and how texts are divided.

    Args:
        unit: what a token is: `characters`, `bytes` (of UTF-8, knows every text), or
            `byte_pairs`, learned pieces of words (needs the package tokenizers).
        length: tokens of an example; a token sees at most this many.
        vocabulary: maximum number of tokens; bytes always have 258.
        split_by: `document` puts whole documents into a split, `position` cuts each
            document: the first stretch trains, the last one tests; null is `document`
            from 10 documents on.
    """

    unit: Literal["characters", "bytes", "byte_pairs"] = "characters"
    length: int = Field(default=128, ge=4, le=4096)  # two lines of text
    vocabulary: int = Field(default=512, ge=4, le=100_000)  # holds any alphabet
    split_by: Literal["document", "position"] | None = None


class PairParams(Params):
    """Texts of `text_pairs:` and `dates:`, and the texts that they become.

    Args:
        input, target: columns of the two texts; null is the column of this name, or the
            first and the second of a file with two columns.
        length, target_length: maximum number of characters of an input and of a target;
            the model reads, and computes, as many steps for each.
        count: number of pairs of `dates:`.
    """

    input: str | None = None
    target: str | None = None
    length: int = Field(default=48, ge=1, le=1024)  # a date, a name, an amount
    target_length: int = Field(default=32, ge=1, le=1024)
    count: int = Field(default=15_000, ge=100, le=70_000)  # of 73,049 days


class LimitParams(Params):
    """Bounds on what is decompressed: a small file must not fill memory or disk.

    Args:
        image_megapixels: maximum number of pixels of an image file, in millions.
        decompressed_megabytes: maximum size of the content of a compressed table or
            .npz file, in millions of bytes.
    """

    # Above what cameras take; 100 million pixels are 300 MB in colour.
    image_megapixels: float = Field(default=100, gt=0, le=10_000)
    # Rows are read in pieces, but the numbers of a table are stored on the disk.
    decompressed_megabytes: int = Field(default=8000, ge=1, le=10_000_000)

    @property
    def decompressed(self) -> int:
        """Maximum size of decompressed content in bytes."""
        return self.decompressed_megabytes * 1_000_000
