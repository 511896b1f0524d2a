"""The steps that an augmentation policy may be made of, and what they take.

Images are 0 .. 1; audio and tables are in standard deviations of the training split.
"""

from __future__ import annotations

from pipeline.core.pipe_language import Argument, Signature

_FRACTION = Argument("fraction", float, low=0, high=1)
_RATE = Argument("rate", float, low=0, high=1)
_ALPHA = Argument("alpha", float, default=1.0, low=0.01, high=100)

GRAMMAR = {
    "flip": Signature((), "mirror left and right, every second example"),
    "pad": Signature(
        (Argument("pixels", int, low=0, high=256),),
        "add `pixels` of zeros on each side",
    ),
    "random_crop": Signature(
        (Argument("size", int, low=1, high=4096),),
        "cut out a square of `size` at a random place",
    ),
    "shift": Signature(
        (Argument("pixels", float, low=0, high=64),),
        "move by up to `pixels` each way, edge pixels repeated",
    ),
    "rotate": Signature(
        (Argument("degrees", float, low=0, high=180),), "turn by up to `degrees`"
    ),
    "zoom": Signature(
        (Argument("fraction", float, low=0, high=0.9),),
        "scale by 1 - fraction .. 1 + fraction",
    ),
    "shear": Signature(
        (Argument("degrees", float, low=0, high=80),), "slant by up to `degrees`"
    ),
    "perspective": Signature(
        (Argument("fraction", float, low=0, high=0.4),),
        "tilt: edges nearer or further by up to `fraction`",
    ),
    "brightness": Signature(
        (Argument("delta", float, low=0, high=1),), "add -delta .. delta"
    ),
    "contrast": Signature(
        (_FRACTION,),
        "scale the distance to the image's mean by 1 - fraction .. 1 + fraction",
    ),
    "hue": Signature(
        (Argument("degrees", float, low=0, high=180),),
        "turn colours by up to `degrees` of the colour circle",
    ),
    "saturation": Signature(
        (_FRACTION,), "scale the distance to grey by 1 - fraction .. 1 + fraction"
    ),
    "noise": Signature(
        (Argument("amount", float, low=0, high=1),),
        "add -amount .. amount, drawn for each pixel",
    ),
    "blur": Signature(
        (Argument("sigma", float, low=0, high=8),),
        "Gaussian blur of deviation 0 .. sigma pixels",
    ),
    "cutout": Signature(
        (Argument("size", int, low=1, high=4096),),
        "set a square of `size` at a random place to 0",
    ),
    "mixup": Signature(
        (_ALPHA,), "blend with another example and its label, share Beta(alpha, alpha)"
    ),
    "cutmix": Signature(
        (_ALPHA,),
        "a box of another example, its label by area; kept share Beta(alpha, alpha)",
    ),
    "randaugment": Signature(
        (
            Argument("count", int, default=2, low=1, high=8),
            Argument("magnitude", float, default=0.3, low=0, high=1),
        ),
        "up to `count` of eight steps of pose and lighting, drawn anew each time",
    ),
    "time_shift": Signature(
        (Argument("frames", int, low=0, high=10_000),),
        "move by up to `frames` in time, edge frames repeated",
    ),
    "gain": Signature(
        (Argument("amount", float, low=0, high=10),),
        "add -amount .. amount deviations to all log energies",
    ),
    "background": Signature(
        (Argument("level", float, low=-4, high=4),),
        "add a noise floor, -4 .. `level` deviations from each bin's mean",
    ),
    "time_mask": Signature(
        (Argument("frames", int, low=0, high=10_000),),
        "set up to `frames` neighbouring frames to 0",
    ),
    "freq_mask": Signature(
        (Argument("bins", int, low=0, high=10_000),),
        "set up to `bins` neighbouring bins to 0",
    ),
    "word_dropout": Signature(
        (_RATE,), "each word becomes the unknown word with chance `rate`"
    ),
    "swap": Signature((_RATE,), "neighbouring words change places with chance `rate`"),
    "jitter": Signature(
        (Argument("amount", float, low=0, high=10),),
        "add Gaussian noise of `amount` deviations",
    ),
}

_ELSEWHERE = {
    "noise": {"image", "audio"},
    "cutout": {"image", "audio"},
    "mixup": {"image", "audio", "table"},
    "cutmix": {"image", "audio"},
    **{name: {"audio"} for name in ("time_shift", "gain", "background")},
    **{name: {"audio"} for name in ("time_mask", "freq_mask")},
    **{name: {"text"} for name in ("word_dropout", "swap")},
    "jitter": {"table"},
}
# Step -> the modalities that it is for.
MODALITIES = {name: frozenset(_ELSEWHERE.get(name, {"image"})) for name in GRAMMAR}
MIXING = ("mixup", "cutmix")
COLOUR = ("hue", "saturation")
