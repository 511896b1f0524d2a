"""Which builders there are, and in which module: nothing is imported here.

A stage's fingerprint holds the module of the builder that it uses, and of no
other one.
"""

from __future__ import annotations

BUILDER_MODULES = {
    "cnn": "pipeline.models.cnn",
}
