"""Which code a stage runs: the import closure of a module, found without importing.

Imports are read from the source, those inside functions too. A module's digest
is taken from its syntax tree without docstrings, so that editing a comment, a
docstring or white space makes nothing stale. Parsing is remembered by content
in a cache file; deleting that file costs time only.

    code = CodeReader(root, cache_file)
    code.closure(["pipeline.train.stage"])   # {"pipeline.train.stage": "9c1e…", …}
    code.libraries(["pipeline.train.stage"])  # {"keras": "3.15.1", …}
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError

# Import names whose distribution is called otherwise.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
    "tensorflow_model_optimization": "tensorflow-model-optimization",
    "yaml": "PyYAML",
}


# What a remembered digest depends on besides the source: Python, and this file.
_OWN = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
PARSER = f"{sys.version_info[:2]} {_OWN}"


@dataclass(frozen=True)
class Module:
    """What one source file says: a digest of its code, and what it imports."""

    digest: str
    imports: tuple[str, ...]


class CodeReader:
    """Reads modules below `root`, a folder of packages such as the checkout's.

    Args:
        also: other folders to find modules in, such as the working directory, which
            holds what a user wrote.
    """

    def __init__(
        self, root: Path, cache_file: Path | None = None, also: tuple[Path, ...] = ()
    ):
        self.root = root
        self.roots = (root, *also)
        self.cache_file = cache_file
        self.cache = _read_cache(cache_file)
        self.known = dict(self.cache)
        self.modules: dict[str, Module | None] = {}

    def has(self, name: str) -> bool:
        """Whether there is a module of that name below the root."""
        return self._find(name) is not None

    def fresh(self) -> CodeReader:
        """A reader that looks at the files again, remembering what was parsed."""
        reader = CodeReader(self.root, also=self.roots[1:])
        reader.known = self.known
        return reader

    def closure(self, names: Iterable[str]) -> dict[str, str]:
        """Module name -> digest, for `names` and all that they import here.

        Raises:
            UserError: when one of `names` is not a module below the root.
        """
        found: dict[str, str] = {}
        for name in names:
            if self._module(name) is None:
                raise UserError(f"no module {name} below {self._where()}")
            self._walk(name, found)
        return dict(sorted(found.items()))

    def files(self, names: Iterable[str]) -> list[Path]:
        """Where these modules are; those that are not there are left out."""
        return [path for name in names if (path := self._find(name))]

    def libraries(self, names: Iterable[str]) -> dict[str, str]:
        """Distribution -> version, for what the closure imports from outside."""
        imports = {
            imported.partition(".")[0]
            for name in self.closure(names)
            for imported in self._module(name).imports
        }
        outside = {
            top for top in imports - sys.stdlib_module_names if not self._find(top)
        }
        versions = {DISTRIBUTIONS.get(top, top): _version(top) for top in outside}
        python = ".".join(platform.python_version_tuple()[:2])
        return {"python": python, **dict(sorted(versions.items()))}

    def save_cache(self) -> None:
        """Keep what was parsed for the next process; never an error."""
        if self.cache_file is None or self.known == self.cache:
            return
        entries = {key: [m.digest, m.imports] for key, m in self.known.items()}
        aside = self.cache_file.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            aside.write_text(json.dumps(entries))
            aside.replace(self.cache_file)

    def _walk(self, name: str, found: dict[str, str]) -> None:
        module = self._module(name)
        if module is None or name in found:
            return
        found[name] = module.digest
        for parent in _parents(name):
            self._walk(parent, found)
        for imported in module.imports:
            self._walk(imported, found)

    def _module(self, name: str) -> Module | None:
        if name not in self.modules:
            path = self._find(name)
            self.modules[name] = self._read(name, path) if path else None
        return self.modules[name]

    def _find(self, name: str) -> Path | None:
        for root in self.roots:
            base = root.joinpath(*name.split("."))
            for path in (base / "__init__.py", base.with_suffix(".py")):
                if path.is_file():
                    return path
        return None

    def _where(self) -> str:
        return " or ".join(str(root) for root in dict.fromkeys(self.roots))

    def _read(self, name: str, path: Path) -> Module:
        source = path.read_bytes()
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        key = hashlib.sha256(f"{PARSER}\n{package}\n".encode() + source).hexdigest()
        if key not in self.known:
            self.known[key] = parse(source, package, str(path))
        return self.known[key]


def parse(source: bytes, package: str, path: str) -> Module:
    """Digest and imports of one source file."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}") from None
    imports = sorted(set(_imports(tree, package)))
    for node in ast.walk(tree):
        _drop_docstring(node)
    digest = hashlib.sha256(shape(tree).encode()).hexdigest()
    return Module(digest, tuple(imports))


def shape(node: Any) -> str:
    """A syntax tree as text, equal on every Python that we support.

    `ast.dump` is not: 3.12 gave definitions a field, 3.13 leaves empty ones out, and
    3.12 ends some format specifications with an empty text.
    """
    if isinstance(node, list):
        return f"[{','.join(map(shape, node))}]"
    if not isinstance(node, ast.AST):
        return hex(node) if type(node) is int else ascii(node)
    fields = (f"{name}={shape(value)}" for name, value in sorted(_fields(node)))
    return f"{type(node).__name__}({','.join(fields)})"


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """What is there: neither empty fields nor `ctx`, which follows from the place."""
    for name, value in ast.iter_fields(node):
        if isinstance(node, ast.JoinedStr):
            value = [part for part in value if getattr(part, "value", None) != ""]
        if value is not None and value != [] and name != "ctx":
            yield name, value


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parts = parts[: len(parts) - node.level + 1]
    return ".".join(parts + ([node.module] if node.module else []))


def _drop_docstring(node: ast.AST) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, documented) and ast.get_docstring(node, clean=False):
        node.body = node.body[1:]


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _version(top: str) -> str:
    try:
        return metadata.version(DISTRIBUTIONS.get(top, top))
    except metadata.PackageNotFoundError:
        return "absent"


def _read_cache(cache_file: Path | None) -> dict[str, Module]:
    try:
        entries = json.loads(cache_file.read_text()) if cache_file else {}
        return {key: Module(digest, tuple(im)) for key, (digest, im) in entries.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
