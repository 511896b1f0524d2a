"""The contract between the engine and a stage.

A stage is the package `pipeline.<name>`. Its entry point is
`pipeline.<name>.stage.run(params, inputs, out)`: it reads what `inputs` offers,
writes its files into the empty folder `out` and returns its metrics: a dictionary of
reproducible numbers and short texts, with one line for the terminal as `headline`.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.params import Params

# Present in the folder of every stage, and not part of its content.
COMMON_VOLATILE = {
    "stage.json": "the record itself",
    "params.json": "repeats the parameters of the fingerprint",
    "run.json": "times, host and versions of one run",
    "log.txt": "the output of libraries, which contains times",
}


def no_code(params: Mapping[str, Params]) -> tuple[str, ...]:
    """Return no modules: the default of `Stage.code`."""
    return ()


def no_sources(params: Mapping[str, Params]) -> Mapping[str, str | None]:
    """Return no files: the default of `Stage.sources`."""
    return {}


def no_extra_inputs(params: Mapping[str, Params], folder: Path) -> Mapping[str, Path]:
    """Return no paths: the default of `Stage.extra_inputs`."""
    return {}


@dataclass(frozen=True)
class Stage:
    """One link of the chain.

    Args:
        name: name of the stage, of its package and of its folder of results.
        depends_on: names of the stages whose results it reads.
        params: class of its section in the experiment file.
        volatile: file name -> reason why that file differs from run to run.
        code: parameters of all stages -> modules that the stage runs besides those it
            imports, such as that of the selected builder; default none.
        sources: parameters of all stages -> files outside the experiment that it
            reads, as name -> content hash, or None for a file that is not on this
            machine; default none.
        extra_inputs: parameters of all stages and folder of the experiment -> files and
            folders inside that folder that belong to no stage, as name -> path.
            Their content enters the fingerprint as that of `sources`; default none.
        copies_volatile: True for a stage that copies volatile facts of its inputs, such
            as latency, and so runs again when an input ran again; default False.
        package: package that contains the stages; default `pipeline`.
        selection_params: names of parameters that only select among the results in the
            working folder. They do not enter its name, and the folder stays when the
            stage is published, so another selection computes nothing again; default
            none.
        selection_code: names of modules and distributions that only select among those
            results; they do not enter the folder's name either; default none.
        limited: False for a stage that `limits.minutes.stage` does not end; default
            True.
    """

    name: str
    depends_on: tuple[str, ...]
    params: type[Params]
    volatile: Mapping[str, str] = field(default_factory=dict)
    code: Callable[[Mapping[str, Any]], tuple[str, ...]] = no_code
    sources: Callable[[Mapping[str, Any]], Mapping[str, str | None]] = no_sources
    extra_inputs: Callable[[Mapping[str, Any], Path], Mapping[str, Path]] = (
        no_extra_inputs
    )
    copies_volatile: bool = False
    package: str = "pipeline"
    selection_params: tuple[str, ...] = ()
    selection_code: tuple[str, ...] = ()
    limited: bool = True

    @property
    def module(self) -> str:
        """Name of the module with the function `run` of the stage."""
        return f"{self.package}.{self.name}.stage"

    @property
    def volatile_files(self) -> frozenset[str]:
        """Names of the files that are not part of the content hash."""
        return frozenset({**COMMON_VOLATILE, **self.volatile})


@dataclass(frozen=True)
class Job:
    """An experiment as the engine sees it.

    Args:
        folder: folder of the experiment, with one sub-folder per published stage.
        chain: all stages, in the order in which they run.
        params: stage name -> its parameters.
        settings: the settings that fix the bits: `seed`, `threads`, `portability`.
        overrides: the values of the command line, as they were typed; default none.
        minutes: time limits, see `pipeline.engine.time_limits`; default none.
    """

    folder: Path
    chain: tuple[Stage, ...]
    params: Mapping[str, Params]
    settings: Mapping[str, Any]
    overrides: tuple[str, ...] = ()
    minutes: Mapping[str, float | None] = field(default_factory=dict)

    def modules(self, stage: Stage) -> tuple[str, ...]:
        """Return the modules where the code of a stage starts.

        Args:
            stage: a stage of this chain.

        Returns:
            Dotted names: the module of the stage, then those of `Stage.code`.
        """
        return (stage.module, *stage.code(self.params))

    def stage(self, name: str) -> Stage:
        """Find a stage by its name.

        Args:
            name: the name of a stage of this chain.

        Returns:
            The stage.

        Raises:
            StopIteration: when there is no such stage.
        """
        return next(stage for stage in self.chain if stage.name == name)

    def upto(self, names: tuple[str, ...]) -> tuple[Stage, ...]:
        """Select stages and everything they depend on.

        Args:
            names: names of stages of this chain.

        Returns:
            The stages in the order of the chain.
        """
        selected = set(names)
        for stage in reversed(self.chain):
            selected |= set(stage.depends_on) if stage.name in selected else set()
        return tuple(stage for stage in self.chain if stage.name in selected)


def silent(text: str, done: int = 0, total: int = 0, result: bool = False) -> None:
    """Ignore a progress message: the default of `Inputs.progress`."""


@functools.cache
def _temporary_root() -> tempfile.TemporaryDirectory[str]:
    """The folder of this process for scratch folders; removed when it exits."""
    return tempfile.TemporaryDirectory(prefix="scratch-")


def _temporary_scratch() -> Path:
    return Path(tempfile.mkdtemp(dir=_temporary_root().name))


@dataclass(frozen=True)
class Inputs:
    """Everything that a running stage may use besides its parameters.

    Args:
        folders: stage name -> its published folder.
        seed: seed of the stage, derived from that of the experiment.
        threads: number of threads inside one TensorFlow operation; default 1.
        progress: called as `progress("epoch 3/60", done=3, total=60)`; default silent.
        volatile: filled by the stage with measurements that must not be hashed, such
            as seconds; they are written to run.json.
        overrides: the values of the command line, for a stage that prints the command.
        scratch: a folder that survives a crash of the stage; a later run with the same
            fingerprint finds it again. Outside the engine the default is a temporary
            folder, which is removed when the process exits.
        extra_inputs: the paths of `Stage.extra_inputs`: name -> path.
        minutes: time limits of `trial` and `variant`; default none.
    """

    folders: Mapping[str, Path]
    seed: int
    threads: int = 1
    progress: Callable[..., None] = silent
    volatile: dict[str, Any] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    scratch: Path = field(default_factory=_temporary_scratch)
    extra_inputs: Mapping[str, Path] = field(default_factory=dict)
    minutes: Mapping[str, float | None] = field(default_factory=dict)

    def __getitem__(self, stage: str) -> Path:
        """Return the published folder of a stage."""
        return self.folders[stage]
