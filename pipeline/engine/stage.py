"""What a stage is to the engine, and what it is handed when it runs.

A room's door is `pipeline.<name>.stage.run(params, inputs, out)`, which returns
metrics.
It writes into the empty folder `out` and returns a dictionary of stable
numbers and short texts, with one line for the terminal under "headline".
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.params import Params

# In every stage folder, and no part of its content.
COMMON_VOLATILE = {
    "stage.json": "the record itself",
    "params.json": "repeats the parameters of the fingerprint",
    "run.json": "times, host and versions of one run",
    "log.txt": "what libraries print, times among it",
}


def no_code(params: Mapping[str, Params]) -> tuple[str, ...]:
    """Modules that a stage runs beyond what it imports: none."""
    return ()


def no_sources(params: Mapping[str, Params]) -> Mapping[str, str | None]:
    """Files outside the experiment that a stage reads: none."""
    return {}


def nothing_beside(params: Mapping[str, Params], folder: Path) -> Mapping[str, Path]:
    """What lies beside the stages and is read by one: nothing."""
    return {}


@dataclass(frozen=True)
class Stage:
    """One link of the chain.

    Args:
        name: also the room's package and the folder of its artifacts.
        needs: names of the stages whose folders it reads.
        params: its section of the experiment file.
        volatile: file name -> why that file differs from run to run.
        code: modules chosen by parameters (of any stage), such as the builder's.
        sources: files outside the experiment that parameters (of any stage) name:
            name -> a hash that changes with the content, or None where the file is
            not on this machine.
        beside: files and folders inside the experiment's folder that no stage keeps
            up to date: name -> path, from parameters (of any stage) and that folder.
            Their content is part of the fingerprint as that of sources is.
        retells: repeats what is volatile in its inputs, such as latency, and so
            runs again when one of them did.
        package: where the rooms are.
        chooses: parameters that only choose among what the stage makes in its working
            folder. That folder is found again whatever they are, and stays when the
            stage is published: another choice makes nothing again.
    """

    name: str
    needs: tuple[str, ...]
    params: type[Params]
    volatile: Mapping[str, str] = field(default_factory=dict)
    code: Callable[[Mapping[str, Any]], tuple[str, ...]] = no_code
    sources: Callable[[Mapping[str, Any]], Mapping[str, str | None]] = no_sources
    beside: Callable[[Mapping[str, Any], Path], Mapping[str, Path]] = nothing_beside
    retells: bool = False
    package: str = "pipeline"
    chooses: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The module with the stage's `run`."""
        return f"{self.package}.{self.name}.stage"

    @property
    def not_content(self) -> frozenset[str]:
        """Files that are left out of the content hash."""
        return frozenset({**COMMON_VOLATILE, **self.volatile})


@dataclass(frozen=True)
class Job:
    """An experiment as the engine sees it: where, which chain, which settings.

    Args:
        folder: holds one sub-folder per published stage.
        params: stage name -> its parameters.
        settings: what fixes the bits: seed, threads, portability.
        overrides: values given on the command line, as they were given.
    """

    folder: Path
    chain: tuple[Stage, ...]
    params: Mapping[str, Params]
    settings: Mapping[str, Any]
    overrides: tuple[str, ...] = ()

    def modules(self, stage: Stage) -> tuple[str, ...]:
        """Where the code of a stage begins."""
        return (stage.module, *stage.code(self.params))

    def stage(self, name: str) -> Stage:
        """The link called `name`."""
        return next(stage for stage in self.chain if stage.name == name)

    def upto(self, names: tuple[str, ...]) -> tuple[Stage, ...]:
        """`names` and all that they need, in the order of the chain."""
        wanted = set(names)
        for stage in reversed(self.chain):
            wanted |= set(stage.needs) if stage.name in wanted else set()
        return tuple(stage for stage in self.chain if stage.name in wanted)


def silent(text: str, done: int = 0, total: int = 0) -> None:
    """A progress function for those who do not care."""


def _temporary() -> Path:
    """For a stage that is run outside the engine."""
    return Path(tempfile.mkdtemp(prefix="scratch-"))


@dataclass(frozen=True)
class Inputs:
    """What a running stage may use.

    Args:
        folders: stage name -> its published folder.
        seed: the stage's own seed, derived from the experiment's.
        threads: threads inside one TensorFlow operation.
        progress: `progress("epoch 3/60", done=3, total=60)`.
        volatile: goes to run.json: what is measured but never hashed.
        overrides: values given on the command line, for those who tell the command.
        scratch: a folder that outlives a crash of the stage, for what it needs to go
            on; a later run with the same fingerprint finds it (`engine.scratch`).
        beside: what the stage reads in the experiment's folder besides: name -> path.
    """

    folders: Mapping[str, Path]
    seed: int
    threads: int = 1
    progress: Callable[..., None] = silent
    volatile: dict[str, Any] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    scratch: Path = field(default_factory=_temporary)
    beside: Mapping[str, Path] = field(default_factory=dict)

    def __getitem__(self, stage: str) -> Path:
        return self.folders[stage]
