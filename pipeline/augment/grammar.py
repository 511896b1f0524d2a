"""The steps that an augmentation policy may be made of, and what they take."""

from __future__ import annotations

from pipeline.pipes import Argument, Signature

GRAMMAR = {
    "flip": Signature((), "mirror left and right, every second example"),
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
    "brightness": Signature(
        (Argument("delta", float, low=0, high=1),), "add -delta .. delta"
    ),
    "contrast": Signature(
        (Argument("fraction", float, low=0, high=1),),
        "scale the distance to the image's mean by 1 - fraction .. 1 + fraction",
    ),
    "noise": Signature(
        (Argument("amount", float, low=0, high=1),),
        "add -amount .. amount, drawn for each pixel",
    ),
}
