"""The search space: hyperparameters of training and builder, restricted by the user.

    learning_rate   searched, log, 0.0005 .. 0.005
    batch_size, schedule, weight_decay, optimizer, augmentation
                    fixed, unless `tune.space` lists what to search
    builder's       as the builder declares them; `tune.builders` adds the family

With several families a name is `family/name`, and is active only with that family.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from keras_tuner import HyperParameters

from pipeline.augment.strength import can_strengthen
from pipeline.core.errors import UserError, did_you_mean
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.models.errors import error_prefix
from pipeline.training.params import FitSettings
from pipeline.tune.artifact import FAMILY, TRAINING
from pipeline.tune.params import Range, TuneParams

RATES = (5e-4, 5e-3)  # a decade around the usual rates of adam for small models
DEFAULT_RATE = 2e-3
CONFIG_KEYS = {"min_value", "max_value", "step", "sampling", "values", "value"}
Values = dict[str, Any]
Config = dict[str, Any]


@error_prefix("tune.")
def space_config(params: TuneParams, spec: TaskSpec, policy: str = "") -> Config:
    """Return the search space as Keras Tuner's plain configuration.

    Builds a model of each family, so call it in another process.

    Args:
        params: section `tune`.
        spec: the task.
        policy: augmentation policy; `augmentation` is a hyperparameter if one of its
            steps has an amount.

    Raises:
        UserError: for a name that nobody declares, or a value that does not fit.
    """
    values = {**params.values, **params.fix}
    per_family = {name: declared_by(name, spec, values) for name in params.families}
    training = _training(params, policy)
    _check_names(params, {**training, **_merged(per_family)}, policy)
    hp = HyperParameters()
    _declare(hp, training, params)
    if len(params.families) == 1:
        family = params.families[0]
        _declare_family(hp, family, per_family[family], spec, params)
        return {**hp.get_config(), "values": {}}
    hp.Choice(FAMILY, list(params.families))
    for family, declared in per_family.items():
        hp.values[FAMILY] = family  # otherwise Keras Tuner passes None to the builder
        with hp.conditional_scope(FAMILY, [family]), hp.name_scope(family):
            _declare_family(hp, family, declared, spec, params)
    return {**hp.get_config(), "values": {}}


def declared_by(
    builder: str, spec: TaskSpec, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a builder declares: name -> Keras Tuner's hyperparameter.

    Args:
        builder: name of a builder.
        spec: the task.
        values: the user's; a text can decide what else is declared, as the family of a
            backbone does.
    """
    items = _declared_with(builder, spec, {})
    defaults = {name: item.default for name, item in items.items()}
    chosen = registry.choices(values, defaults)
    try:
        return _declared_with(builder, spec, chosen) if chosen else items
    except UserError:  # named where the value is checked
        return items


def _declared_with(
    builder: str, spec: TaskSpec, values: Mapping[str, Any]
) -> dict[str, Any]:
    hp = HyperParameters()
    hp.values = dict(values)
    registry.declare(builder, hp, spec)
    return {item.name: item for item in hp.space}


def training_names() -> tuple[str, ...]:
    """Return the names of the training's hyperparameters."""
    return (*TRAINING, "augmentation")


def plain_values(values: Mapping[str, Any], params: TuneParams) -> tuple[str, Values]:
    """Remove `family/` from names.

    Args:
        values: hyperparameters, as the oracle names them.
        params: section `tune`.

    Returns:
        The family, and the values by plain names.
    """
    family = values.get(FAMILY, params.families[0])
    prefix = f"{family}/"
    others = {name: value for name, value in values.items() if name != FAMILY}
    return family, {name.removeprefix(prefix): v for name, v in others.items()}


def hyperparameters(config: Config) -> HyperParameters:
    """Return the space as Keras Tuner's object; `from_config` changes its argument."""
    return HyperParameters.from_config({**deepcopy(config), "values": {}})


def defaults(config: Config) -> Values:
    """Return the default of every active hyperparameter."""
    hp = hyperparameters(config)
    for item in hp.space:
        if hp.is_active(item):
            hp.values[item.name] = item.default
    return dict(hp.values)


def fit_to_space(values: Mapping[str, Any], config: Config) -> Values | None:
    """Convert values of another search to values of this space.

    Args:
        values: name -> value; defaults are used for missing names.
        config: the space.

    Returns:
        A value per active hyperparameter; None if one is outside the space.
    """
    hp = hyperparameters(config)
    for item in hp.space:
        if hp.is_active(item):
            value = values.get(item.name, item.default)
            if not is_allowed(value, item):
                return None
            hp.values[item.name] = value
    return dict(hp.values)


def is_allowed(value: Any, item: Any) -> bool:
    """Return whether a hyperparameter can have a value.

    Args:
        value: any value.
        item: Keras Tuner's hyperparameter.
    """
    kind = _kind(item)
    if kind == "fixed":
        return value == item.value
    if kind in ("int", "float"):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and item.min_value <= value <= item.max_value
    return value in item.values


def describe_space(config: Config) -> list[dict[str, Any]]:
    """Return a JSON row per hyperparameter: name, kind, allowed values, default."""
    hp = hyperparameters(config)
    return [{"name": p.name, "kind": _kind(p), **_allowed(p)} for p in hp.space]


def searched_names(config: Config) -> list[str]:
    """Return the names of the hyperparameters with more than one allowed value."""
    hp = hyperparameters(config)
    return [item.name for item in hp.space if _is_searched(item)]


def _is_searched(item: Any) -> bool:
    kind = _kind(item)
    return kind in ("int", "float") or (kind != "fixed" and len(item.values) > 1)


def _kind(item: Any) -> str:
    return type(item).__name__.lower()


def _allowed(item: Any) -> dict[str, Any]:
    """Return the configuration without what only Keras Tuner needs."""
    config = {k: v for k, v in item.get_config().items() if k in CONFIG_KEYS}
    conditions = [condition.get_config() for condition in item.conditions]
    return {**config, "default": item.default, "conditions": conditions}


def _training(params: TuneParams, policy: str) -> dict[str, Any]:
    """Return the training's hyperparameters by name."""
    hp = HyperParameters()
    hp.Float("learning_rate", *RATES, sampling="log", default=DEFAULT_RATE)
    fields = FitSettings.model_fields
    for name in training_names()[1:-1]:
        default = getattr(params, name, fields[name].default)
        if default is not None:
            hp.Fixed(name, default)
    if can_strengthen(policy):
        hp.Fixed("augmentation", 1.0)
    return {item.name: item for item in hp.space}


def _merged(per_family: dict[str, dict[str, Any]]) -> dict[str, Any]:
    families = per_family.values()
    return {name: item for family in families for name, item in family.items()}


def _declare(hp: HyperParameters, items: dict[str, Any], params: TuneParams) -> None:
    for name, item in items.items():
        if not _override(hp, name, item, params):
            hp.merge([item])
            hp.values[name] = item.default


def _declare_family(
    hp: HyperParameters,
    family: str,
    declared: dict[str, Any],
    spec: TaskSpec,
    params: TuneParams,
) -> None:
    """Declare the user's restrictions first: builders leave existing names alone."""
    for name, item in declared.items():
        _override(hp, name, item, params)
    values: Mapping[str, Any] = params.values
    if len(params.families) > 1:  # names were checked against all families together
        values = {name: value for name, value in values.items() if name in declared}
    registry.declare(family, hp, spec, values)


def _override(hp: HyperParameters, name: str, item: Any, params: TuneParams) -> bool:
    """Declare an entry of `tune.fix` or `tune.space`; return whether there is one."""
    if name in params.fix:
        hp.Fixed(name, _fixed(name, params.fix[name], item, params))
        return True
    if name not in params.space:
        return False
    entry = params.space[name]
    if isinstance(entry, Range):
        _add_range(hp, name, entry, item.default)
    else:
        _add_choice(hp, name, entry, item.default)
    return True


def _fixed(name: str, value: Any, item: Any, params: TuneParams) -> Any:
    registry.check_kind(f"fix.{name}", value, item.default)
    if _kind(item) == "float" or type(item.default) is float:
        value = float(value)
    validated = name in TRAINING  # by the settings of a fit, when the file was read
    if not validated and _kind(item) != "fixed" and not is_allowed(value, item):
        raise UserError(
            f"tune.fix.{name}: {value!r} is outside the searched values, "
            f"{_range_text(item)}; tune.values.{name} has no such limit"
        )
    return value


def _range_text(item: Any) -> str:
    if _kind(item) in ("int", "float"):
        return f"{item.min_value:g} .. {item.max_value:g}"
    return ", ".join(map(str, item.values))


def _add_choice(
    hp: HyperParameters, name: str, values: list[Any], default: Any
) -> None:
    for value in values:
        registry.check_kind(f"space.{name}", value, default)
    values = [float(v) for v in values] if type(default) is float else values
    hp.Choice(name, values, default=default if default in values else values[0])


def _add_range(hp: HyperParameters, name: str, entry: Range, default: Any) -> None:
    if type(default) not in (int, float):
        raise UserError(
            f"tune.space.{name}: a range needs numbers, but {name} has values such as "
            f"{default!r}; list the values"
        )
    integer = type(default) is int
    for bound in (entry.min, entry.max):
        registry.check_kind(f"space.{name}", bound, default)
    start = default if entry.min <= default <= entry.max else entry.min
    add = hp.Int if integer else hp.Float
    sampling = "log" if entry.log else "linear"
    add(name, entry.min, entry.max, entry.step, sampling=sampling, default=start)


def _check_names(params: TuneParams, declared: dict[str, Any], policy: str) -> None:
    families = ", ".join(params.families)
    for key in ("space", "fix"):
        for name in getattr(params, key):
            if name not in declared:
                hint = did_you_mean(name, declared) + _policy_reason(name, policy)
                raise UserError(
                    f'tune.{key}: neither the training nor builder {families} has "'
                    f'{name}"{hint} (there are: {", ".join(declared)})'
                )
    if len(params.families) > 1:
        _check_values(params, declared, families)


def _check_values(params: TuneParams, declared: dict[str, Any], families: str) -> None:
    for name in params.values:
        if name not in declared:
            raise UserError(
                f'tune.values: none of {families} has "{name}"'
                f"{did_you_mean(name, declared)} (there are: {', '.join(declared)})"
            )


def _policy_reason(name: str, policy: str) -> str:
    if name != "augmentation":
        return ""
    return f', because no step of augment.policy "{policy}" has an amount'
