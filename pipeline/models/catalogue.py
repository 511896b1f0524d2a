"""The names of all builders and presets, and their modules; imports none of them.

A stage's fingerprint holds the module of the builder it uses, and of no other
builder. `tune.builder` is one of

    resnet                   a family, with its defaults
    resnet:mlperf_tiny       a family with a preset: a named set of values
    my_package.models:build  a custom builder: a function in the user's module
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.base_path import base
from pipeline.core.errors import UserError, did_you_mean

BUILDER_MODULES = {
    "anchor_free": "pipeline.models.anchor_free",
    "attention": "pipeline.models.attention",
    "autoencoder": "pipeline.models.autoencoder",
    "bag_of_embeddings": "pipeline.models.bag_of_embeddings",
    "centroid_grid": "pipeline.models.centroid_grid",
    "char_lm": "pipeline.models.char_lm",
    "cnn": "pipeline.models.cnn",
    "cnn1d": "pipeline.models.cnn1d",
    "conv_seq2seq": "pipeline.models.conv_seq2seq",
    "decoder": "pipeline.models.decoder",
    "distmult": "pipeline.models.distmult",
    "ds_cnn": "pipeline.models.ds_cnn",
    "efficientnet_lite": "pipeline.models.efficientnet_lite",
    "ensemble": "pipeline.models.ensemble",
    "fsrcnn": "pipeline.models.fsrcnn",
    "gru": "pipeline.models.recurrent",
    "linear_window": "pipeline.models.linear_window",
    "lstm": "pipeline.models.recurrent",
    "matrix_factorization": "pipeline.models.matrix_factorization",
    "mlp": "pipeline.models.mlp",
    "mobilenet_v1": "pipeline.models.mobilenet_v1",
    "mobilenet_v2": "pipeline.models.mobilenet_v2",
    "pretrained": "pipeline.models.pretrained",
    "resnet": "pipeline.models.resnet",
    "rnn": "pipeline.models.recurrent",
    "tcn": "pipeline.models.tcn",
    "text_cnn": "pipeline.models.text_cnn",
    "transe": "pipeline.models.transe",
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
CUSTOM_BUILDER = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class BuilderName:
    """A parsed value of `tune.builder`.

    Args:
        module: that defines the builder.
        name: the family, or the function of a custom builder.
        preset: a preset of the family; empty for none.
    """

    module: str
    name: str
    preset: str = ""

    @property
    def is_custom(self) -> bool:
        """True for a function in the user's module."""
        return BUILDER_MODULES.get(self.name) != self.module


def parse(text: str) -> BuilderName:
    """Parse `family`, `family:preset` or `module:function`.

    Args:
        text: value of `tune.builder`; the module of a function is looked for under
            the working directory.

    Returns:
        The name's components.

    Raises:
        UserError: names the nearest family or preset, and all that exist.
    """
    name, colon, suffix = text.partition(":")
    if name in BUILDER_MODULES:
        preset = _preset(name, suffix) if colon else ""
        return BuilderName(BUILDER_MODULES[name], name, preset)
    if CUSTOM_BUILDER.fullmatch(text) and _source_file(name):
        return BuilderName(name, suffix)
    raise UserError(_unknown(text, name, bool(colon)))


def _preset(family: str, preset: str) -> str:
    presets = PRESETS.get(family, ())
    if preset not in presets:
        options = f"there are: {', '.join(presets)}" if presets else "it has none"
        hint = did_you_mean(preset, presets)
        raise UserError(f'builder {family} has no preset "{preset}"{hint} ({options})')
    return preset


def _source_file(module: str) -> Path | None:
    """Find the source of a module under the working directory."""
    stem = base().joinpath(*module.split("."))
    paths = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((path for path in paths if path.is_file()), None)


def _unknown(text: str, name: str, colon: bool) -> str:
    families = ", ".join(BUILDER_MODULES)
    hint = did_you_mean(name, BUILDER_MODULES)
    if not colon:
        return f'no builder "{text}"{hint} (there are: {families}; or module:function)'
    return (
        f'no builder "{text}"{hint} (families: {families}; a custom builder is '
        f"module:function, and {Path(*name.split('.'))}.py is not in "
        f"{Path.cwd() / base()})"
    )
