"""The search space: what the training and the builders declare, as the user wants it.

    learning_rate   searched, log, 0.0005 .. 0.005
    batch_size, schedule, weight_decay, optimizer, augmentation
                    fixed, unless `tune.space` says what to search
    the builder's   as it declares them; `tune.builders` makes the family one more

With several families a name is `family/name`, and counts only with that family.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from keras_tuner import HyperParameters

from pipeline.augment.strength import can_strengthen
from pipeline.data.spec import TaskSpec
from pipeline.core.errors import UserError, nearest
from pipeline.training.params import FitSettings
from pipeline.models import registry
from pipeline.models.errors import error_prefix
from pipeline.tune.artifact import FAMILY, FITTING
from pipeline.tune.params import Range, TuneParams

RATES = (5e-4, 5e-3)
DEFAULT_RATE = 2e-3
Values = dict[str, Any]
Config = dict[str, Any]


@error_prefix("tune.")
def space_config(params: TuneParams, spec: TaskSpec, policy: str = "") -> Config:
    """The space as Keras Tuner's plain configuration.

    Builds a model of each family, so it belongs in a process of its own.

    Raises:
        UserError: for a name that nobody declares, or a value that does not fit.
    """
    plain = {name: declared(name, spec) for name in params.families}
    training = _training(params, policy)
    _check_names(params, {**training, **_merged(plain)}, policy)
    hp = HyperParameters()
    _declare(hp, training, params)
    if len(params.families) == 1:
        _family(hp, params.families[0], plain[params.families[0]], spec, params)
        return {**hp.get_config(), "values": {}}
    hp.Choice(FAMILY, list(params.families))
    for name, known in plain.items():
        hp.values[FAMILY] = name  # else Keras Tuner hands the builder None
        with hp.conditional_scope(FAMILY, [name]), hp.name_scope(name):
            _family(hp, name, known, spec, params)
    return {**hp.get_config(), "values": {}}


def declared(name: str, spec: TaskSpec) -> dict[str, Any]:
    """What a builder declares by itself: name -> Keras Tuner's hyperparameter."""
    hp = HyperParameters()
    registry.declare(name, hp, spec)
    return {part.name: part for part in hp.space}


def training_names() -> tuple[str, ...]:
    """Hyperparameters of the training."""
    return (*FITTING, "augmentation")


def plain_values(values: Mapping[str, Any], params: TuneParams) -> tuple[str, Values]:
    """The family, and the values without `family/` before their names."""
    family = values.get(FAMILY, params.families[0])
    start = f"{family}/"
    kept = {name: value for name, value in values.items() if name != FAMILY}
    return family, {name.removeprefix(start): value for name, value in kept.items()}


def hyperparameters(config: Config) -> HyperParameters:
    """The space as Keras Tuner's object; from_config would change its argument."""
    return HyperParameters.from_config({**deepcopy(config), "values": {}})


def defaults(config: Config) -> Values:
    """The value of every hyperparameter that counts, by default."""
    hp = hyperparameters(config)
    for part in hp.space:
        if hp.is_active(part):
            hp.values[part.name] = part.default
    return dict(hp.values)


def fitted(values: Mapping[str, Any], config: Config) -> Values | None:
    """Values from elsewhere as values of this space; None where they are outside."""
    hp = hyperparameters(config)
    for part in hp.space:
        if hp.is_active(part):
            value = values.get(part.name, part.default)
            if not inside(value, part):
                return None
            hp.values[part.name] = value
    return dict(hp.values)


def inside(value: Any, part: Any) -> bool:
    """Whether a hyperparameter can take the value."""
    kind = type(part).__name__
    if kind == "Fixed":
        return value == part.value
    if kind in ("Int", "Float"):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and part.min_value <= value <= part.max_value
    return value in part.values


def describe_space(config: Config) -> list[dict[str, Any]]:
    """The space as rows of name, kind and what is allowed, for trials.json."""
    hp = hyperparameters(config)
    return [{"name": p.name, "kind": _kind(p), **_allowed(p)} for p in hp.space]


def searched(config: Config) -> list[str]:
    """Names of the hyperparameters that can take more than one value."""
    hp = hyperparameters(config)
    several = [p for p in hp.space if _kind(p) != "fixed" and len(_two(p)) > 1]
    return [part.name for part in several]


def _two(part: Any) -> list[Any]:
    return [0, 1] if _kind(part) in ("int", "float") else list(part.values)


def _kind(part: Any) -> str:
    return type(part).__name__.lower()


def _allowed(part: Any) -> dict[str, Any]:
    """Its numbers, without what only Keras Tuner needs."""
    told = {"min_value", "max_value", "step", "sampling", "values", "value"}
    kept = {key: value for key, value in part.get_config().items() if key in told}
    conditions = [one.get_config() for one in part.conditions]
    return {**kept, "default": part.default, "conditions": conditions}


def _training(params: TuneParams, policy: str) -> dict[str, Any]:
    """What the training declares: name -> a hyperparameter."""
    hp = HyperParameters()
    hp.Float("learning_rate", *RATES, sampling="log", default=DEFAULT_RATE)
    fields = FitSettings.model_fields
    for name in training_names()[1:-1]:
        default = getattr(params, name, fields[name].default)
        if default is not None:
            hp.Fixed(name, default)
    if can_strengthen(policy):
        hp.Fixed("augmentation", 1.0)
    return {part.name: part for part in hp.space}


def _merged(plain: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {key: part for parts in plain.values() for key, part in parts.items()}


def _declare(hp: HyperParameters, parts: dict[str, Any], params: TuneParams) -> None:
    for name, part in parts.items():
        if not _overridden(hp, name, part, params):
            hp.merge([part])
            hp.values[name] = part.default


def _family(
    hp: HyperParameters,
    family: str,
    known: dict[str, Any],
    spec: TaskSpec,
    params: TuneParams,
) -> None:
    """The user's wishes first: what is there already, the builder leaves alone."""
    for name, part in known.items():
        _overridden(hp, name, part, params)
    given = params.values
    if len(params.families) > 1:  # the names were checked against all families
        given = {name: value for name, value in given.items() if name in known}
    registry.declare(family, hp, spec, given)


def _overridden(hp: HyperParameters, name: str, part: Any, params: TuneParams) -> bool:
    """Add what `tune.fix` or `tune.space` says of a name; whether it says anything."""
    if name in params.fix:
        hp.Fixed(name, _fixed(name, params.fix[name], part, params))
    elif name in params.space:
        entry = params.space[name]
        add = _add_range if isinstance(entry, Range) else _add_choice
        add(hp, name, entry, part.default)
    else:
        return False
    return True


def _fixed(name: str, value: Any, part: Any, params: TuneParams) -> Any:
    registry.check_kind(f"fix.{name}", value, part.default)
    if _kind(part) == "float" or type(part.default) is float:
        value = float(value)
    free = name in FITTING  # held against what a fit accepts when it was read
    if not free and _kind(part) != "fixed" and not inside(value, part):
        raise UserError(
            f"tune.fix.{name}: {value!r} is outside what is searched, {_words(part)}; "
            f"tune.values.{name} sets it all the same"
        )
    return value


def _words(part: Any) -> str:
    if _kind(part) in ("int", "float"):
        return f"{part.min_value:g} .. {part.max_value:g}"
    return ", ".join(map(str, part.values))


def _add_choice(
    hp: HyperParameters, name: str, values: list[Any], default: Any
) -> None:
    for value in values:
        registry.check_kind(f"space.{name}", value, default)
    values = [float(v) for v in values] if type(default) is float else values
    hp.Choice(name, values, default=default if default in values else values[0])


def _add_range(hp: HyperParameters, name: str, given: Range, default: Any) -> None:
    if type(default) not in (int, float):
        raise UserError(
            f"tune.space.{name}: a range is of numbers, and {name} is such as "
            f"{default!r}; give a list of values"
        )
    whole = type(default) is int
    for end in (given.min, given.max):
        registry.check_kind(f"space.{name}", end, default)
    start = default if given.min <= default <= given.max else given.min
    add = hp.Int if whole else hp.Float
    sampling = "log" if given.log else "linear"
    add(name, given.min, given.max, given.step, sampling=sampling, default=start)


def _check_names(params: TuneParams, known: dict[str, Any], policy: str) -> None:
    families = ", ".join(params.families)
    for key in ("space", "fix"):
        for name in getattr(params, key):
            if name not in known:
                raise UserError(
                    f'tune.{key}: neither the training nor builder {families} has "'
                    f'{name}"{nearest(name, known)}{_why(name, policy)} '
                    f"(there are: {', '.join(known)})"
                )
    if len(params.families) > 1:
        _check_values(params, known, families)


def _check_values(params: TuneParams, known: dict[str, Any], families: str) -> None:
    for name in params.values:
        if name not in known:
            raise UserError(
                f'tune.values: none of {families} has "{name}"{nearest(name, known)} '
                f"(there are: {', '.join(known)})"
            )


def _why(name: str, policy: str) -> str:
    if name != "augmentation":
        return ""
    return f', as no step of augment.policy "{policy}" has an amount'
