"""The fits of the train stage, each in a process of its own: what each one does.

`main` is the one that is published; others differ from it by seed or by split.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import keras

from pipeline.augment.artifact import read_policy
from pipeline.augment.policy import Policy
from pipeline.data.artifact import Data, Split
from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.engine.stage import Inputs
from pipeline.fit.checkpoint import describe
from pipeline.fit.devices import prepare, shared
from pipeline.fit.goals import check_outputs
from pipeline.fit.gradients import gradient_norms, verdict, write_norms
from pipeline.fit.history import History
from pipeline.fit.loop import fit
from pipeline.fit.params import FitSettings
from pipeline.fit.precision import in_precision
from pipeline.fit.replicates import replicate_seed
from pipeline.models import registry
from pipeline.models.files import load_model, save_model
from pipeline.models.errors import error_prefix
from pipeline.train import earlier
from pipeline.train.folds import folds
from pipeline.train.heads import read_heads
from pipeline.train.params import TrainParams
from pipeline.train.pseudo import parted, with_pseudo_labels
from pipeline.tune.artifact import Best

Fitted = dict[str, Any]


@dataclass(frozen=True)
class Fits:
    """What all fits of the stage have in common."""

    params: TrainParams
    inputs: Inputs
    data: Data
    best: Best
    out: Path
    settings: FitSettings = field(init=False)

    def __post_init__(self) -> None:
        settings = self.params.settings(self.best.training())
        object.__setattr__(self, "settings", settings)

    def tasks(self) -> dict[str, Callable[[], Fitted]]:
        """Name -> fit: the published one, other seeds, folds."""
        seeds = range(2, self.params.replicates + 1)
        folds = range(1, (self.params.folds or 0) + 1)
        return {
            "seed 1": self.main,
            **{f"seed {number}": partial(self.again, number) for number in seeds},
            **{f"fold {number}": partial(self.fold, number) for number in folds},
        }

    def check(self) -> None:
        """Make all that a fit begins with, so that mistakes are told before any.

        Raises:
            UserError: names the key.
        """
        seed, train = self._begin(self.inputs.seed), self.data.train()
        self.model(seed)
        read_heads(self.params.heads, self.data, self._policy(seed))
        if self.params.pseudo_labels:
            parted(train, self.data.spec, self.params.pseudo_labels, seed)

    def main(self) -> Fitted:
        """Fit and save the model, with the gradients before and after."""
        seed = self._begin(self.inputs.seed)
        model = self.model(seed)
        before, warned = self._norms(model, "before training")
        fitted = self._fitted(model, seed, "seed1", self.data.train())
        model = self._plain(fitted.pop("model"), seed)
        after, late = self._norms(model, "after training")
        write_norms(self.out / "gradients.csv", before, after)
        save_model(model, self.out / "model.keras")
        kept = earlier.kept_weights(self.params, self.inputs)
        gained = earlier.gain_over(kept, model, self.data) if kept else {}
        return {
            **fitted,
            "weights": model.count_params(),
            "gained": gained,
            "warnings": [*warned, *late],
        }

    def again(self, number: int) -> Fitted:
        """The same with another seed."""
        seed = self._begin(replicate_seed(self.inputs.seed, number - 1))
        fitted = self._fitted(
            self.model(seed), seed, f"seed{number}", self.data.train()
        )
        return {key: fitted[key] for key in fitted if key != "model"}

    def fold(self, number: int) -> Fitted:
        """One fold of the cross-validation: all other examples train."""
        cut = derive_seed(self.inputs.seed, "folds")
        train, held = folds(self.data, self.params.folds, cut)[number - 1]
        seed = self._begin(derive_seed(self.inputs.seed, "fold", number))
        model = self.model(seed, anew=True)
        history = self._fit(model, seed, f"fold{number}", train, held)
        return {"rows": history.rows, "best": history.best}

    def _begin(self, seed: int) -> int:
        """What must come before TensorFlow's first operation in a process."""
        prepare(self.params.devices, self.settings.batch_size)
        return seed

    def model(self, seed: int, anew: bool = False) -> keras.Model:
        """The searched model, with the weights of an earlier one where there are any.

        Args:
            anew: without those of before an extension, which know the training split.
        """
        best = self.best
        with error_prefix("tune."):
            model = registry.build(best.builder, best.values, self.data.spec, seed)
            check_outputs(model, self.data.spec)
        begins = earlier.weights(self.params, self.inputs)
        if begins and (self.params.init_from or not anew):
            begin_with(model, begins)
        return in_precision(model, self.params.precision)

    def _plain(self, model: keras.Model, seed: int) -> keras.Model:
        """The same weights in a model that computes in float32, as later stages do."""
        if self.params.precision == "float32":
            return model
        best = self.best
        plain = registry.build(best.builder, best.values, self.data.spec, seed)
        plain.set_weights(model.get_weights())
        return plain

    def _fitted(
        self, model: keras.Model, seed: int, name: str, train: Split
    ) -> dict[str, Any]:
        """The fit, and with pseudo-labels the one before it, for their gain."""
        speed: dict[str, Any] = {}
        pseudo, held, plain = self.params.pseudo_labels, self.data.validation(), None
        known = len(train)
        if pseudo:
            spec = self.data.spec
            part = derive_seed(self.inputs.seed, "labelled")
            labelled, pool = parted(train, spec, pseudo, part)
            plain = self._fit(model, seed, f"{name}-labelled", labelled, held)
            known = len(labelled)
            train = with_pseudo_labels(model, labelled, pool, spec, pseudo.confidence)
            model = self.model(seed)
        history = self._fit(model, seed, name, train, held, speed)
        return {
            "model": model,
            "rows": history.rows,
            "best": history.best,
            "plain": plain and plain.best,
            "examples": len(train),
            "labelled": known,
            "speed": speed,
        }

    def _fit(
        self,
        model: keras.Model,
        seed: int,
        name: str,
        train: Split,
        held: Split,
        speed: dict[str, Any] | None = None,
    ) -> History:
        many = len(self.tasks()) > 1

        def tell(text: str, done: int = 0, total: int = 0) -> None:
            shown = f"{name}: {text}" if many else text
            self.inputs.progress(shown, done=done, total=total)

        several = read_heads(self.params.heads, self.data, self._policy(seed))
        whole = several.on(model, seed)
        with shared(whole, self.params.devices) as copy:
            history = fit(
                copy,
                self.data.spec,
                train,
                held,
                self.settings,
                seed=seed,
                policy=self._policy(seed),
                progress=tell,
                folder=self.inputs.scratch / name,
                speed=speed,
                **several.fitting(copy, self.settings),
            )
        if name == "seed1":
            several.save(whole, self.out)
        return history

    def _policy(self, seed: int) -> Policy:
        return read_policy(self.inputs["augment"], seed, self.best.strength)

    def _norms(
        self, model: keras.Model, when: str
    ) -> tuple[dict[str, float], list[str]]:
        """The gradient of each kernel, and a warning where it does not arrive well."""
        norms = gradient_norms(model, self.data.spec, self.data.train(), self.settings)
        said = verdict(norms)
        warned = [f"{when}, {said}"] if said else []
        for text in warned:
            print(text)
        return norms, warned


def begin_with(model: keras.Model, path: Path) -> None:
    """Give a model the weights of a .keras file.

    Raises:
        UserError: when it is missing, or of another architecture.
    """
    if not path.is_file():
        raise UserError(f"train.init_from: there is no file {path}")
    with error_prefix("train.init_from: "):
        other = load_model(path)
    ours, theirs = ([d[1] for d in describe(m.weights)] for m in (model, other))
    if ours != theirs:
        raise UserError(
            f"train.init_from {path}: its weights have the shapes {_few(theirs)}; "
            f"the model's are {_few(ours)}: the architecture must be the same"
        )
    model.set_weights(other.get_weights())


def _few(shapes: list[Any]) -> str:
    return ", ".join(map(str, shapes[:3])) + (", ..." if len(shapes) > 3 else "")
