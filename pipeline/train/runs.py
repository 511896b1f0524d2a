"""The fits of the train stage, each in its own process.

In: parameters, data and the best hyperparameters. Out: a result per fit. The fit
`seed 1` is published; others differ from it by seed or by split.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras

from pipeline.augment.artifact import read_policy
from pipeline.augment.policy import Policy
from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.core.regular_file import is_regular
from pipeline.data.artifact import Data, Split
from pipeline.engine.stage import Inputs
from pipeline.models import registry
from pipeline.models.errors import error_prefix
from pipeline.models.files import load_model, save_model
from pipeline.tasks.registry import task_of
from pipeline.train import warm_start
from pipeline.train.auxiliary_heads import AuxiliaryHeads, read_heads
from pipeline.train.cross_validation import folds
from pipeline.train.experience import publish_experience
from pipeline.train.params import PseudoLabels, TrainParams
from pipeline.train.pretraining import check_pretraining, few_labels, pretrain_model
from pipeline.train.pseudo_labels import labelled_and_pool, with_pseudo_labels
from pipeline.training.checkpoint import describe
from pipeline.training.context import FitContext, FitData
from pipeline.training.devices import prepare, shared
from pipeline.training.floor_check import learned_nothing
from pipeline.training.gpu_memory import fit_bytes
from pipeline.training.gradients import diagnose, gradient_norms, write_norms
from pipeline.training.history import History
from pipeline.training.hosts.launch import check_batch, check_fit, fit_on_hosts
from pipeline.training.hosts.local import LocalHosts
from pipeline.training.loop import fit
from pipeline.training.metrics import check_outputs
from pipeline.training.params import FitSettings
from pipeline.training.precision import in_precision
from pipeline.training.replicates import replicate_seed
from pipeline.tune.artifact import Best

RunResult = dict[str, Any]


@dataclass(frozen=True)
class TrainingRuns:
    """All fits of the stage.

    Args:
        params: of the stage.
        inputs: of the stage.
        data: published data.
        best: the best hyperparameters of tune.
        out: the folder that is published.
    """

    params: TrainParams
    inputs: Inputs
    data: Data
    best: Best
    out: Path

    @property
    def settings(self) -> FitSettings:
        """The settings of every fit."""
        return self.params.settings(self.best.training())

    def tasks(self) -> dict[str, Callable[[], RunResult]]:
        """Return name -> fit: the published one, other seeds, folds."""
        seeds = range(2, self.params.replicates + 1)
        numbers = range(1, (self.params.folds or 0) + 1)
        return {
            "seed 1": self.main,
            **{f"seed {number}": partial(self.replicate, number) for number in seeds},
            **{f"fold {number}": partial(self.fold, number) for number in numbers},
        }

    def check(self) -> int:
        """Build everything a fit starts from, to report errors before any fit.

        Returns:
            The bytes that a fit needs on a GPU.

        Raises:
            UserError: names the key.
        """
        seed, train = self._prepare(self.inputs.seed), self.data.train()
        model = self.model(seed)
        if self.params.pretrain:
            data = self._fit_data(seed, train, self.data.validation())
            check_pretraining(model, data, self.params.pretrain)
        self._heads(seed)
        if self.params.engine == "jax":
            data = self._fit_data(seed, train, self.data.validation())
            check_fit(model, data, self.settings, FitContext(seed))
            check_batch(self.settings.batch_size, len(train), self.params.hosts)
        if self.params.pseudo_labels:
            labelled_and_pool(train, self.data.spec, self.params.pseudo_labels, seed)
        return fit_bytes(model, self.settings.batch_size)

    def main(self) -> RunResult:
        """Fit and save the model, with gradient norms before and after."""
        seed = self._prepare(self.inputs.seed)
        model = self.model(seed)
        before, warnings = self._norms(model, "before training")
        result = self._fit_with_pool(model, seed, "seed1")
        model = self._in_float32(result.pop("model"), seed)
        after, late_warnings = self._norms(model, "after training")
        write_norms(self.out / "gradients.csv", before, after)
        save_model(model, self.out / "model.keras")
        if task_of(self.data.spec).interactive:
            publish_experience(model, self.data, seed, self.out)
        previous = warm_start.previous_weights(self.params, self.inputs)
        gain = warm_start.gain_over(previous, model, self.data) if previous else {}
        return {
            **result,
            "weights": model.count_params(),
            "gained": gain,
            "warnings": [*warnings, *late_warnings],
            "doubts": learned_nothing("the trained model", model, self.data, seed),
        }

    def replicate(self, number: int) -> RunResult:
        """Repeat the fit with another seed.

        Args:
            number: of the replicate, from 2.
        """
        seed = self._prepare(replicate_seed(self.inputs.seed, number - 1))
        result = self._fit_with_pool(self.model(seed), seed, f"seed{number}")
        return {key: value for key, value in result.items() if key != "model"}

    def fold(self, number: int) -> RunResult:
        """Fit one fold of the cross-validation.

        Args:
            number: of the fold, from 1.
        """
        count = self.params.folds or 0
        pairs = folds(self.data, count, derive_seed(self.inputs.seed, "folds"))
        train, held_out = pairs[number - 1]
        seed = self._prepare(derive_seed(self.inputs.seed, "fold", number))
        model, name = self.model(seed, unseen=True), f"fold{number}"
        self._pretrain(model, seed, name, train, held_out)
        history = self._fit(model, seed, name, train, held_out)
        return {"rows": history.rows, "best": history.best}

    def _prepare(self, seed: int) -> int:
        """Prepare the devices, before TensorFlow's first operation in a process."""
        prepare(self.params.devices, self.settings.batch_size)
        return seed

    def model(self, seed: int, unseen: bool = False) -> keras.Model:
        """Build the searched model, with initial weights if there are any.

        Args:
            seed: of random weights.
            unseen: leave out the weights of before an extension, which were fitted on
                examples that a fold holds out.
        """
        best = self.best
        with error_prefix("tune."):
            model = registry.build(best.builder, best.values, self.data.spec, seed)
            check_outputs(model, self.data.spec)
        path = warm_start.initial_weights(self.params, self.inputs)
        if path and (self.params.init_from or not unseen):
            load_initial_weights(model, path)
        return in_precision(model, self.params.precision)

    def _in_float32(self, model: keras.Model, seed: int) -> keras.Model:
        """Return an equal model that computes in float32, as later stages do."""
        if self.params.precision == "float32":
            return model
        best = self.best
        plain = registry.build(best.builder, best.values, self.data.spec, seed)
        plain.set_weights(model.get_weights())
        return plain

    def _fit_with_pool(self, model: keras.Model, seed: int, name: str) -> RunResult:
        """Fit on the training split, and with pseudo-labels on the pool as well."""
        speed: dict[str, Any] = {}
        whole, validation = self.data.train(), self.data.validation()
        pretraining = self._pretrain(model, seed, name, whole, validation)
        train = self._labelled(whole)
        labelled, plain = len(train), None
        if pseudo := self.params.pseudo_labels:
            start = model.get_weights()
            train, labelled, plain = self._label_pool(model, seed, name, pseudo)
            model = self.model(seed)
            model.set_weights(start)
        history = self._fit(model, seed, name, train, validation, speed)
        return {
            "model": model,
            "rows": history.rows,
            "best": history.best,
            "plain": plain and plain.best,
            "pretraining": pretraining and pretraining.rows,
            "examples": len(train),
            "labelled": labelled,
            "speed": speed,
        }

    def _labelled(self, train: Split) -> Split:
        """Return the training examples whose labels are used."""
        seed = derive_seed(self.inputs.seed, "labelled")
        return few_labels(train, self.params.labelled, seed)

    def _fit_data(self, seed: int, train: Split, validation: Split) -> FitData:
        return FitData(self.data.spec, train, validation, self._policy(seed))

    def _pretrain(
        self, model: keras.Model, seed: int, name: str, train: Split, held_out: Split
    ) -> History | None:
        """Pretrain without labels, if the experiment asks for it."""
        if not self.params.pretrain:
            return None
        context = FitContext(
            seed,
            progress=self._progress(name, "pretraining, "),
            checkpoint_folder=self.inputs.scratch / f"{name}-pretrain",
        )
        data = self._fit_data(seed, train, held_out)
        with shared(model, self.params.devices) as copy:
            return pretrain_model(copy, data, self.params.pretrain, context)

    def _label_pool(
        self, model: keras.Model, seed: int, name: str, pseudo: PseudoLabels
    ) -> tuple[Split, int, History]:
        """Fit on the labelled examples, then label the pool.

        Returns:
            The larger training split, the number of labelled examples in it, and the
            history of the fit on those alone.
        """
        spec, choice = self.data.spec, derive_seed(self.inputs.seed, "labelled")
        labelled, pool = labelled_and_pool(self.data.train(), spec, pseudo, choice)
        validation = self.data.validation()
        plain = self._fit(model, seed, f"{name}-labelled", labelled, validation)
        train = with_pseudo_labels(model, labelled, pool, spec, pseudo.confidence)
        return train, len(labelled), plain

    def _fit(
        self,
        model: keras.Model,
        seed: int,
        name: str,
        train: Split,
        validation: Split,
        speed: dict[str, Any] | None = None,
    ) -> History:
        data = self._fit_data(seed, train, validation)
        context = FitContext(
            seed,
            progress=self._progress(name),
            checkpoint_folder=self.inputs.scratch / name,
            speed=speed,
        )
        if self.params.engine == "jax":
            hosts = partial(LocalHosts, count=self.params.hosts)
            return fit_on_hosts(model, data, self.settings, context, hosts)
        heads = self._heads(seed)
        complete = heads.add_to(model, seed)
        with shared(complete, self.params.devices) as copy:
            context = heads.extend(context, copy, self.settings)
            history = fit(copy, data, self.settings, context)
        if name == "seed1":
            heads.save(complete, self.out)
        return history

    def _progress(self, name: str, what: str = "") -> Callable[..., None]:
        """Return the progress function; several fits are distinguished by name."""
        prefix = (f"{name}: " if len(self.tasks()) > 1 else "") + what

        def progress(text: str, done: int = 0, total: int = 0) -> None:
            self.inputs.progress(f"{prefix}{text}", done=done, total=total)

        return progress

    def _heads(self, seed: int) -> AuxiliaryHeads:
        return read_heads(self.params.heads, self.data, self._policy(seed))

    def _policy(self, seed: int) -> Policy:
        return read_policy(self.inputs["augment"], seed, self.best.strength)

    def _norms(
        self, model: keras.Model, when: str
    ) -> tuple[dict[str, float], list[str]]:
        """Return the gradient norm of each kernel, and warnings about them."""
        if task_of(self.data.spec).interactive:
            return {}, []  # a loss is defined on transitions only
        norms = gradient_norms(model, self.data.spec, self.data.train(), self.settings)
        diagnosis = diagnose(norms)
        warnings = [f"{when}, {diagnosis}"] if diagnosis else []
        for warning in warnings:
            print(warning)
        return norms, warnings


def load_initial_weights(model: keras.Model, path: Path) -> None:
    """Copy the weights of a .keras file into a model.

    Args:
        model: changed in place.
        path: .keras file of the same architecture.

    Raises:
        UserError: if the file is missing, or of another architecture.
    """
    if not is_regular(path):
        raise UserError(f"train.init_from: there is no file {path}")
    with error_prefix("train.init_from: "):
        source = load_model(path)
    expected, received = (
        [description[1] for description in describe(m.weights)] for m in (model, source)
    )
    if expected != received:
        raise UserError(
            f"train.init_from {path}: its weights have the shapes {_few(received)}; "
            f"the model needs {_few(expected)}: use a file of the same architecture"
        )
    model.set_weights(source.get_weights())


def _few(shapes: list[Any]) -> str:
    return ", ".join(map(str, shapes[:3])) + (", ..." if len(shapes) > 3 else "")
