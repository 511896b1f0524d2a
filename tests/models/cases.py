"""Data that each family can take: the first of these that it does not refuse."""

from __future__ import annotations

from pipeline.data.spec import TaskSpec
from pipeline.engine.errors import UserError
from pipeline.models import registry

THREE = ("a", "b", "c")
# Small and quick, and without draws: what is tested is the family.
SLIM = {"width": 0.25, "depth": 0.34, "dropout": 0.0}


def spec(
    shape: tuple[int, ...],
    modality: str = "image",
    task: str = "classification",
    vocabulary: int = 0,
    classes: tuple[str, ...] = THREE,
) -> TaskSpec:
    """A signature of made-up data."""
    dtype = "int32" if vocabulary else "float32"
    return TaskSpec(
        "toy",
        "toy:toy",
        shape,
        dtype,
        classes,
        modality=modality,
        task=task,
        vocabulary=vocabulary,
    )


SPECS = (
    spec((6, 5, 1), "audio"),
    spec((8, 8, 3)),
    spec((6,), "text", vocabulary=20),
    spec((2,), "table", vocabulary=20),
    spec((10,), "audio", "reconstruction"),
    spec((6,), "text", "next_token", 20),
    spec((8, 8, 3), task="segmentation"),
)


def spec_for(name: str) -> TaskSpec:
    """The first signature that the family takes."""
    for one in SPECS:
        try:
            registry.build(name, SLIM, one, 1)
            return one
        except UserError:
            continue
    raise AssertionError(f"{name} takes none of the shapes in tests/models/cases.py")
