"""Look up targets by name, without importing what measures them."""

from __future__ import annotations

from pipeline.compress.targets import ethos_u, lite, micro
from pipeline.compress.targets.target import Target
from pipeline.core.errors import UserError, did_you_mean

TARGETS: dict[str, Target] = {
    target.name: target for target in (lite.TARGET, micro.TARGET, *ethos_u.TARGETS)
}
DEFAULT = lite.TARGET.name
# Modules that run an optional package, and the distributions of these packages.
OPTIONAL = (
    micro.TARGET.child,
    ethos_u.TARGETS[0].child,
    "tflite_micro",
    "ethos-u-vela",
)


def get(name: str) -> Target:
    """Return the target called `name`.

    Args:
        name: value of `compress.target`.

    Raises:
        UserError: names the nearest target, and all that exist.
    """
    if name not in TARGETS:
        hint = did_you_mean(name, TARGETS)
        raise UserError(f'no target "{name}"{hint} (there are: {", ".join(TARGETS)})')
    return TARGETS[name]
