"""One variant: a model and a recipe in, a .tflite file and its row out.

Runs in a process of its own. The file is read back and run: the row says what it
is, not what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.augment.policy import Policy
from pipeline.compress.flatbuffer import Facts, broken_promises, read_facts
from pipeline.compress.grammar import Recipe
from pipeline.compress.legacy.build import FineTuning, build
from pipeline.compress.pareto import Row
from pipeline.compress.runtime import LiteModel, accuracy
from pipeline.compress.shrink import check_same, shrink
from pipeline.data.artifact import Data
from pipeline.engine.determinism import derive_seed
from pipeline.fit.params import FitSettings
from pipeline.models.files import load_model


@dataclass(frozen=True)
class Variant:
    """A source and what is done to it."""

    source: str
    recipe: Recipe

    @property
    def id(self) -> str:
        """Also the file's name: `student-prune0.6-pqat`."""
        return f"{self.source}-{self.recipe.slug}"

    @property
    def title(self) -> str:
        """For people: `student | prune(0.6) | pqat`."""
        return f"{self.source} | {self.recipe.text}"


@dataclass(frozen=True)
class Workshop:
    """What every variant is made with.

    Args:
        models: source -> .keras file.
        policy: augmentation of the fine-tuning, as in training.
        settings: of every fine-tuning.
        threads: of the runtime.
        shrink: leave out of the file what no runtime reads.
        out: the stage's folder; files go to `variants/` in it.
    """

    models: dict[str, Path]
    data: Data
    policy: Policy | None
    settings: FitSettings
    seed: int
    threads: int
    shrink: bool
    out: Path

    def file_of(self, variant: Variant) -> Path:
        """Where the variant's file is written."""
        return self.out / "variants" / f"{variant.id}.tflite"

    def fine_tuning(self, source: str) -> FineTuning:
        """How the techniques fit a model of this source."""
        return FineTuning(
            self.data.spec,
            self.data.train(),
            self.data.validation(),
            self.settings,
            self.policy,
            derive_seed(self.seed, source),
        )


def make(variant: Variant, shop: Workshop) -> Row:
    """Make the variant's file and say what it is.

    Returns:
        The row of pareto.json, all but what compares it with other rows.

    Raises:
        UserError: when the model, a technique or the export refuses.
    """
    source = load_model(shop.models[variant.source])
    examples = shop.data.spec.to_input(shop.data.calibration().x)
    tuning = shop.fine_tuning(variant.source)
    built = build(source, variant.recipe, tuning, examples)
    path = shop.file_of(variant)
    content = _shrunk(built.content) if shop.shrink else built.content
    path.write_bytes(content)
    facts = read_facts(content)
    broken = broken_promises(facts, variant.recipe.export, built.sparsity)
    return {
        **_identity(variant),
        "status": "broken" if broken else "ok",
        "reason": "; ".join(broken) or None,
        "file": str(path.relative_to(shop.out)),
        "accuracy": _validate(path, shop),
        "left_out": built.left_out,
        **_measured(facts),
    }


def failed(variant: Variant, reason: str) -> Row:
    """The row of a variant without a file: the same keys, nothing measured."""
    unknown = ("file", "accuracy", "bytes_raw", "bytes_gzip", "weights", "sparsity")
    return {
        **_identity(variant),
        **dict.fromkeys(unknown),
        "status": "failed",
        "reason": reason,
        "left_out": [],
        "tensor_dtypes": {},
        "operators": {},
    }


def _shrunk(content: bytes) -> bytes:
    small = shrink(content)
    check_same(content, small)
    return small


def _identity(variant: Variant) -> Row:
    text = variant.recipe.text
    return {"id": variant.id, "source": variant.source, "recipe": text}


def _validate(path: Path, shop: Workshop) -> float:
    """Accuracy of the file itself on the validation split."""
    validation = shop.data.validation()
    model = LiteModel(path, shop.data.spec, shop.threads)
    return accuracy(model.logits(validation.x), validation.y)


def _measured(facts: Facts) -> Row:
    names = ("bytes_raw", "bytes_gzip", "weights", "tensor_dtypes", "operators")
    measured = {name: getattr(facts, name) for name in names}
    return {**measured, "sparsity": round(facts.sparsity, 6)}
