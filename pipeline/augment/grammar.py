"""The steps of augmentation policies: their arguments, summaries and modalities.

Images are 0 .. 1; audio and tables are in standard deviations of the training split,
so 0 is a mean. Unless a summary says otherwise, amounts are drawn uniformly, anew for
each example and epoch.
"""

from __future__ import annotations

from pipeline.core.pipe_language import Argument, Signature

_FRACTION = Argument("fraction", float, low=0, high=1)
_RATE = Argument("rate", float, low=0, high=1)
_ALPHA = Argument("alpha", float, default=1.0, low=0.01, high=100)

GRAMMAR = {
    "flip": Signature((), "mirror horizontally with probability 0.5"),
    "pad": Signature(
        (Argument("pixels", int, low=0, high=256),),
        "add `pixels` of zeros on each side",
    ),
    "random_crop": Signature(
        (Argument("size", int, low=1, high=4096),),
        "cut out a square of `size` pixels at a random position",
    ),
    "shift": Signature(
        (Argument("pixels", float, low=0, high=64),),
        "translate by up to `pixels` along each axis, repeating edge pixels",
    ),
    "rotate": Signature(
        (Argument("degrees", float, low=0, high=180),),
        "rotate about the center by up to `degrees`, either way",
    ),
    "zoom": Signature(
        (Argument("fraction", float, low=0, high=0.9),),
        "scale about the center by 1 - fraction .. 1 + fraction",
    ),
    "shear": Signature(
        (Argument("degrees", float, low=0, high=80),),
        "shear horizontally by up to `degrees`, either way",
    ),
    "perspective": Signature(
        (Argument("fraction", float, low=0, high=0.4),),
        "tilt about both axes; edge centers scale by 1 - fraction .. 1 + fraction",
    ),
    "brightness": Signature(
        (Argument("delta", float, low=0, high=1),),
        "add one number from -delta .. delta to the image",
    ),
    "contrast": Signature(
        (_FRACTION,),
        "scale the distance to the image's mean by 1 - fraction .. 1 + fraction",
    ),
    "hue": Signature(
        (Argument("degrees", float, low=0, high=180),),
        "rotate hues by up to `degrees`, keeping brightness",
    ),
    "saturation": Signature(
        (_FRACTION,), "scale the distance to gray by 1 - fraction .. 1 + fraction"
    ),
    "noise": Signature(
        (Argument("amount", float, low=0, high=1),),
        "add -amount .. amount, drawn per value (pixel and channel)",
    ),
    "blur": Signature(
        (Argument("sigma", float, low=0, high=8),),
        "Gaussian blur with a standard deviation of 0 .. sigma pixels",
    ),
    "cutout": Signature(
        (Argument("size", int, low=1, high=4096),),
        "set a square of `size` with a random center to 0, clipped at the border",
    ),
    "mixup": Signature(
        (_ALPHA,),
        "blend with another example and its label, weighted by Beta(alpha, alpha)",
    ),
    "cutmix": Signature(
        (_ALPHA,),
        "paste a box of another example, area Beta(alpha, alpha); blend labels by area",
    ),
    "randaugment": Signature(
        (
            Argument("count", int, default=2, low=1, high=8),
            Argument("magnitude", float, default=0.3, low=0, high=1),
        ),
        "up to `count` of eight steps (geometry, lighting, noise), drawn per example",
    ),
    "time_shift": Signature(
        (Argument("frames", int, low=0, high=10_000),),
        "shift in time by up to `frames` whole frames, repeating edge frames",
    ),
    "gain": Signature(
        (Argument("amount", float, low=0, high=10),),
        "add one number from -amount .. amount standard deviations to all log energies",
    ),
    "background": Signature(
        (Argument("level", float, low=-4, high=4),),
        "add white noise at -4 .. `level` standard deviations from each bin's mean",
    ),
    "time_mask": Signature(
        (Argument("frames", int, low=0, high=10_000),),
        "set up to `frames` consecutive frames to 0 (the mean)",
    ),
    "freq_mask": Signature(
        (Argument("bins", int, low=0, high=10_000),),
        "set up to `bins` adjacent frequency bins to 0 (the mean)",
    ),
    "word_dropout": Signature(
        (_RATE,), "replace each word by the unknown word with probability `rate`"
    ),
    "swap": Signature(
        (_RATE,), "swap pairs of neighboring words with probability `rate`"
    ),
    "jitter": Signature(
        (Argument("amount", float, low=0, high=10),),
        "add Gaussian noise of `amount` standard deviations to each number",
    ),
}

_OTHER_MODALITIES = {
    "noise": {"image", "audio"},
    "cutout": {"image", "audio"},
    "mixup": {"image", "audio", "table"},
    "cutmix": {"image", "audio"},
    **{name: {"audio"} for name in ("time_shift", "gain", "background")},
    **{name: {"audio"} for name in ("time_mask", "freq_mask")},
    **{name: {"text"} for name in ("word_dropout", "swap")},
    "jitter": {"table", "series"},
}
# Step -> the modalities that it can be applied to.
MODALITIES = {
    name: frozenset(_OTHER_MODALITIES.get(name, {"image"})) for name in GRAMMAR
}
MIXING = ("mixup", "cutmix")
COLOUR = ("hue", "saturation")
