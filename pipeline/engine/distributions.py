"""Versions of the installed distributions that code imports."""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata

# Import names that differ from the name of their distribution.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "ethosu": "ethos-u-vela",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
    "tensorflow_model_optimization": "tensorflow-model-optimization",
    "yaml": "PyYAML",
}


def distribution_of(top: str) -> str:
    """Return the name of the distribution that provides an import.

    Args:
        top: name of a top-level package or module.
    """
    return DISTRIBUTIONS.get(top, top)


@cache
def version_of(top: str) -> str:
    """Return the version of the distribution of an import; `absent` without one.

    Args:
        top: name of a top-level package or module.
    """
    try:
        distribution = metadata.distribution(distribution_of(top))
    except metadata.PackageNotFoundError:
        return "absent"
    # `distribution.version` would parse the whole description of the package.
    head = (distribution.read_text("METADATA") or "").split("\n\n", 1)[0]
    line = re.search(r"^Version: *(.+?) *$", head, re.MULTILINE)
    return line[1] if line else distribution.version
