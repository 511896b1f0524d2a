"""Which builders there are, and in which module: nothing is imported here.

A stage's fingerprint holds the module of the builder that it uses, and of no
other one. `tune.builder` is one of

    resnet                   a family, with its defaults
    resnet:mlperf_tiny       a family with a preset: a named set of values
    my_package.models:build  a function of the user's own
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.base_path import base
from pipeline.core.errors import UserError, nearest

BUILDER_MODULES = {
    "attention": "pipeline.models.attention",
    "autoencoder": "pipeline.models.autoencoder",
    "bag_of_embeddings": "pipeline.models.bag_of_embeddings",
    "char_lm": "pipeline.models.char_lm",
    "cnn": "pipeline.models.cnn",
    "cnn1d": "pipeline.models.cnn1d",
    "ds_cnn": "pipeline.models.ds_cnn",
    "efficientnet_lite": "pipeline.models.efficientnet_lite",
    "ensemble": "pipeline.models.ensemble",
    "gru": "pipeline.models.recurrent",
    "lstm": "pipeline.models.recurrent",
    "mlp": "pipeline.models.mlp",
    "mobilenet_v1": "pipeline.models.mobilenet_v1",
    "mobilenet_v2": "pipeline.models.mobilenet_v2",
    "pretrained": "pipeline.models.pretrained",
    "resnet": "pipeline.models.resnet",
    "rnn": "pipeline.models.recurrent",
    "text_cnn": "pipeline.models.text_cnn",
    "two_tower": "pipeline.models.two_tower",
    "unet": "pipeline.models.unet",
}
# Names only; the values are in the family's module.
PRESETS = {
    "autoencoder": ("mlperf_tiny",),
    "ds_cnn": ("mlperf_tiny",),
    "efficientnet_lite": ("lite0",),
    "mobilenet_v1": ("mlperf_tiny",),
    "mobilenet_v2": ("imagenet",),
    "resnet": ("mlperf_tiny",),
}
OWN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Choice:
    """What `tune.builder` says.

    Args:
        module: where the builder is.
        name: the family, or the function in a module of the user's own.
        preset: a preset of the family, or nothing.
    """

    module: str
    name: str
    preset: str = ""

    @property
    def own(self) -> bool:
        """Whether it is a function of the user's own."""
        return BUILDER_MODULES.get(self.name) != self.module


def parse(text: str) -> Choice:
    """Read `family`, `family:preset` or `module:function`.

    Raises:
        UserError: names the nearest family or preset, and what there is.
    """
    name, colon, after = text.partition(":")
    if name in BUILDER_MODULES:
        return Choice(BUILDER_MODULES[name], name, _preset(name, after, bool(colon)))
    if OWN.fullmatch(text) and _file(name):
        return Choice(name, after)
    raise UserError(_unknown(text, name, bool(colon)))


def _preset(family: str, preset: str, given: bool) -> str:
    known = PRESETS.get(family, ())
    if given and preset not in known:
        there = f"there are: {', '.join(known)}" if known else "it has none"
        hint = nearest(preset, known)
        raise UserError(f'builder {family} has no preset "{preset}"{hint} ({there})')
    return preset


def _file(module: str) -> Path | None:
    """The source of a module below the working directory, if it is there."""
    place = base().joinpath(*module.split("."))
    paths = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in paths if path.is_file()), None)


def _unknown(text: str, name: str, colon: bool) -> str:
    known = ", ".join(BUILDER_MODULES)
    hint = nearest(name, BUILDER_MODULES)
    if not colon:
        return f'no builder "{text}"{hint} (there are: {known}; or module:function)'
    return (
        f'no builder "{text}"{hint} (families: {known}; a builder of your own is '
        f"module:function, and {Path(*name.split('.'))}.py is not in "
        f"{Path.cwd() / base()})"
    )
