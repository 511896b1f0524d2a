"""Build one file: the entry point of this package.

In: a Keras 3 model, a recipe, and calibration examples. Out: the bytes of a .tflite
file and a record of what the recipe did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tf_keras

from pipeline.compress.adjust.options import Options, check_layers, options_of
from pipeline.compress.grammar import AWARE, TIES, Recipe, seed_text
from pipeline.compress.stateful.export import export_stateful, unsupported
from pipeline.compress.stateful.streams import is_stream
from pipeline.compress.tflite.converter import ConverterError
from pipeline.compress.tflite.inspect import read_facts
from pipeline.compress.tflite.oracle import fallback_text, fallbacks
from pipeline.compress.tflite.verify import INTEGER_IO, DistinctWeights, violations
from pipeline.compress.tfmot.bridge import to_tf_keras
from pipeline.compress.tfmot.crashes import crashing_layers
from pipeline.compress.tfmot.dense_scales import with_dense_scales
from pipeline.compress.tfmot.equalize import equalize
from pipeline.compress.tfmot.export import export, export_with_reference
from pipeline.compress.tfmot.fake_quant_layers import supported_layers
from pipeline.compress.tfmot.fine_tuning import FineTuning
from pipeline.compress.tfmot.preparation import prepared
from pipeline.compress.tfmot.supported_layers import (
    prunable,
    supports_two_of_four,
    unsupported_layers,
)
from pipeline.compress.tfmot.techniques import GRADUAL, apply, kernel_sparsity
from pipeline.compress.tfmot.weight_quantization import max_level
from pipeline.compress.tfmot.weight_sharing import trainable_kernels
from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.core.pipe_language import Step
from pipeline.tasks.registry import task_of

GRADUAL_FITS = len(GRADUAL)
CHECKED = 64  # calibration examples on which the file is compared with its model


# Content of a file, and of the float file it was quantized from.
Files = tuple[bytes, bytes]


@dataclass(frozen=True)
class Built:
    """The content of a file, and what its recipe did.

    Args:
        content: the bytes of the .tflite file.
        left_out: `technique: layer (Class)` for each layer that a technique does not
            support.
        sparsity: fraction of the kernels' values that pruning has set to zero, 0 .. 1.
        distinct: limits of the distinct weights that the steps left in the kernels.
        states: each technique but the last, and the model after it as a float file.
        outputs: outputs of the model on the first 64 calibration examples, `(n, ...)`.
        export: the export that was written; another one than that of the recipe where
            the converter refuses that.
        reference: the float file that the file was quantized from; empty unless
            asked for.
        stateful: the same weights as a file that reads a sequence step by step; empty
            for other tasks, and for models that have none.
    """

    content: bytes
    left_out: list[str]
    sparsity: float
    distinct: tuple[DistinctWeights, ...] = ()
    states: tuple[tuple[str, bytes], ...] = ()
    outputs: np.ndarray | None = None
    export: str = ""
    reference: bytes = b""
    stateful: bytes = b""


def build(
    source: keras.Model,
    recipe: Recipe,
    tuning: FineTuning | None,
    calibration: np.ndarray,
    exports: Sequence[str] = (),
    keep_reference: bool = False,
) -> Built:
    """Convert the model, run the techniques of a recipe, and export the file.

    Args:
        source: built functional or Sequential Keras 3 model; it is not changed.
        recipe: techniques and the export.
        tuning: data and settings of the fine-tuning after each technique; None for a
            recipe without techniques.
        calibration: float32 model inputs `(n, ...)` that set the ranges of int8.
        exports: tried in this order; default: that of the recipe, and what comes next
            where the converter refuses it.
        keep_reference: return the float file that an int8 file was quantized from;
            default False.

    Returns:
        The file's content, and what the recipe did.

    Raises:
        UserError: if the bridge, a technique or the export does not support the model.
    """
    source, left_out = prepared(source, recipe)
    seed = derive_seed(tuning.seed, "bridge") if tuning else 1
    model = to_tf_keras(source, seed)
    check_layers(recipe.adjustments, [layer.name for layer in model.layers])
    built = Built(b"", left_out, 0.0)
    for count, named in enumerate(recipe.techniques, 1):
        assert tuning is not None  # a recipe without techniques needs none
        step = affordable(named, tuning.settings.epochs)
        so_far = seed_text(recipe.techniques[:count])
        built = _with_unsupported(built, model, step, recipe.export)
        model = apply(step, model, tuning.after(so_far, fit_count(step)))
        built = _with_result(built, model, step, count == len(recipe.techniques))
    built = _exported(built, model, recipe, calibration, exports, keep_reference)
    return with_stateful(built, model, tuning, calibration)


def _exported(
    built: Built,
    model: tf_keras.Model,
    recipe: Recipe,
    calibration: np.ndarray,
    exports: Sequence[str],
    keep_reference: bool,
) -> Built:
    """Adjust the quantization, and add the file."""
    for step in recipe.adjustments:
        if step.name == "equalize":
            equalize(model, calibration, str(step.args["ranges"]))
    outputs = np.asarray(model(calibration[:CHECKED], training=False))
    one_scale = any(step.name in TIES for step in recipe.techniques)
    kinds = exports or exports_of(recipe)
    kinds = [kind for kind in kinds if not crashing_layers(model, kind)] or kinds
    options = options_of(recipe.adjustments)
    adjusting = options if keep_reference or options != Options() else None

    def write(kind: str) -> Files:
        return export_with_reference(model, kind, calibration, one_scale, adjusting)

    kind, (content, reference) = first_written(kinds, recipe.export, write)
    if kind == "int8" and adjusting is None and not _decides_scales(recipe):
        content = with_dense_scales(
            model,
            content,
            lambda: export(model, "int8", calibration, dense_scale=True),
            calibration[:CHECKED],
            outputs,
        )
    built = with_fallback(built, recipe.export, kind)
    return replace(
        built, content=content, reference=reference, outputs=outputs, export=kind
    )


def with_stateful(
    built: Built, model: tf_keras.Model, tuning: FineTuning | None, calibration: Any
) -> Built:
    """Add a file that reads a sequence step by step, for data that are streams.

    A classifier of sound whose layers read later steps has none, and needs none.

    Args:
        built: with the export that was written.
        model: that was exported.
        tuning: has the signature of the data.
        calibration: model inputs `(n, steps, ...)`.
    """
    if tuning is None or not is_stream(tuning.spec):
        return built
    if not task_of(tuning.spec).generates and unsupported(model):
        return built
    try:
        content = export_stateful(model, built.export, calibration)
    except UserError as error:
        line = f"step by step: {error}; whole windows are read instead"
        return replace(built, left_out=[*built.left_out, line])
    return replace(built, stateful=content)


def exports_of(recipe: Recipe) -> tuple[str, ...]:
    """Return the export of a recipe, and what replaces it where it is refused.

    Models that were trained for int8 have its rounding in them: nothing else fits.

    Args:
        recipe: techniques and the export.
    """
    aware = any(step.name in AWARE for step in recipe.techniques)
    return (recipe.export, *(() if aware else fallbacks(recipe.export)))


def with_fallback(built: Built, wanted: str, kind: str) -> Built:
    """Record that another export was written than the wanted one, if so.

    Args:
        built: the record so far.
        wanted: export of the recipe.
        kind: export that was written.
    """
    if kind == wanted:
        return built
    return replace(built, left_out=[*built.left_out, fallback_text(wanted, kind)])


def first_written(
    kinds: Sequence[str], wanted: str, write: Callable[[str], Files]
) -> tuple[str, Files]:
    """Return the first export that the converter writes, and its files.

    One in the place of the wanted one must be what its name says: kernels can be too
    small for int8 weights.

    Args:
        kinds: exports, in the order in which they are tried.
        wanted: export of the recipe.
        write: writes an export.

    Raises:
        ConverterError: of the first export, where all are refused.
    """
    refusals = []
    for kind in kinds:
        try:
            files = write(kind)
        except ConverterError as error:
            refusals.append(error)
            continue
        if kind in (wanted, kinds[-1]) or not violations(read_facts(files[0]), kind):
            return kind, files
    raise refusals[0]


def _with_unsupported(
    built: Built, model: tf_keras.Model, step: Step, kind: str
) -> Built:
    """Add the layers that a technique will leave out."""
    arguments: Any = step.args
    lines = unsupported_layers(model, step.name, arguments.get("kernels", "inner"))
    if arguments.get("structure") == "two_of_four":
        lines += [
            f"{layer.name} ({type(layer).__name__}), pruned free"
            for layer in model.layers
            if prunable(layer) and not supports_two_of_four(layer)
        ]
    distinct = built.distinct
    if (
        step.name == "binary" and kind in INTEGER_IO
    ):  # else magnitudes differ by channel
        distinct = (*distinct, DistinctWeights(2, len(supported_layers(model))))
    lines = [*built.left_out, *(f"{step.name}: {line}" for line in lines)]
    return replace(built, left_out=lines, distinct=distinct)


def _with_result(built: Built, model: tf_keras.Model, step: Step, last: bool) -> Built:
    """Add the sparsity, the distinct weights and the state after a technique."""
    arguments: Any = step.args
    if step.name == "prune":
        built = replace(built, sparsity=kernel_sparsity(model))
    if step.name == "cluster":
        claim = DistinctWeights(arguments["n"], len(trainable_kernels(model)))
        built = replace(built, distinct=(claim,))
    if step.name == "quantize_weights":
        count = len(supported_layers(model, arguments["kernels"]))
        claim = DistinctWeights(2 * max_level(arguments["n"]) + 1, count)
        built = replace(built, distinct=(claim,))
    if last and step.name in AWARE:
        return built
    state = (str(step), export(model, "float"))
    return replace(built, states=(*built.states, state))


def _decides_scales(recipe: Recipe) -> bool:
    """Return whether techniques decide about the scales of kernels."""
    return any(step.name in (*TIES, *AWARE, "binary") for step in recipe.techniques)


def affordable(step: Step, epochs: int) -> Step:
    """Prune at once where there are fewer epochs than steps of the gradual schedule.

    Args:
        step: a technique.
        epochs: of the technique.
    """
    if fit_count(step) <= epochs:
        return step
    return Step(step.name, {**step.args, "schedule": "constant"})


def fit_count(step: Step) -> int:
    """Return the number of fits that a technique consists of.

    Args:
        step: a technique of the recipe grammar.
    """
    return GRADUAL_FITS if step.args.get("schedule") == "gradual" else 1
