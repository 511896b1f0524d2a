"""What a target is: a runtime, what it can run, and how its costs are measured.

In: nothing. Out: the types that every module of this package uses. Imports no numeric
library, so that the command line can list the targets.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

FLASH, ARENA = "flash", "arena"  # costs that may be estimates


@dataclass(frozen=True)
class Examples:
    """Examples that the file's device must answer as LiteRT does.

    Args:
        inputs: `(n, ...)`, in the dtype of the file's input.
        outputs: LiteRT's, `(n, ...)`, in the dtype of the file's output.
        classes: True when the largest output is the prediction.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    classes: bool


@dataclass(frozen=True)
class DeviceResult:
    """Costs of a file on its target.

    Args:
        flash: bytes of the file as the target stores it.
        arena: bytes of memory for tensors and state; None where the target has none.
        file: the file as the target stores it; default None, the .tflite file itself.
        estimated: those of `flash` and `arena` that were not measured.
        refused: why the target does not run the file; default None, it does.
        facts: whatever else was measured, for JSON.
    """

    flash: int
    arena: int | None
    file: bytes | None = None
    estimated: tuple[str, ...] = ()
    refused: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """A device, or a family of them.

    Args:
        name: value of `compress.target`.
        runtime: name of the runtime that decides, in words.
        exports: exports of the recipe grammar that it runs.
        reasons: export -> why the target does not run it.
        module: module with a function `measure(content, examples, target)`.
        child: module that imports the optional package; empty for none. Its code and
            the package's version are part of the stage's fingerprint.
        package: import name of the optional package; empty for none.
        distribution: its name in the registry; empty for none.
        compares: True when the target runs examples; default False.
        install: the command that installs it.
        checks_operators: True when the module has a function `lacks(content)`, which
            loads a file and names the operator that the runtime does not have; default
            False.
    """

    name: str
    runtime: str
    exports: frozenset[str]
    module: str
    reasons: Mapping[str, str] = field(default_factory=dict)
    child: str = ""
    package: str = ""
    distribution: str = ""
    compares: bool = False
    install: str = ""
    checks_operators: bool = False

    @property
    def installed(self) -> bool:
        """True when the target can be measured on this machine."""
        return not self.package or importlib.util.find_spec(self.package) is not None

    @property
    def version(self) -> str:
        """Version of the optional package; empty for none."""
        optional = self.distribution and self.installed
        return metadata.version(self.distribution) if optional else ""

    def measure(self, content: bytes, examples: Examples | None) -> DeviceResult:
        """Measure a file.

        Args:
            content: bytes of a .tflite file.
            examples: what its outputs are compared on; None unless `compares`.

        Returns:
            Measurements, or estimates where the optional package is not installed.
        """
        module = importlib.import_module(self.module)
        result: DeviceResult = module.measure(content, examples, self)
        return result

    def lacks(self, content: bytes) -> str | None:
        """Name an operator of a file that the installed runtime does not have.

        Args:
            content: bytes of a .tflite file.

        Returns:
            The operator and its layer; None if there is none, or nothing is known.
        """
        if not self.checks_operators or not self.installed:
            return None
        reason: str | None = importlib.import_module(self.module).lacks(content)
        return reason

    def refusal(self, export: str) -> str | None:
        """Return why the target does not run an export; None if it does.

        Args:
            export: an export step of the recipe grammar.
        """
        if export in self.exports:
            return None
        reason = self.reasons.get(export, f"{self.runtime} has no kernels for it")
        return f"target {self.name} does not run {export} files: {reason}"
