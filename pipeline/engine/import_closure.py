"""Import closure: the code and package data that a stage runs, found without importing.

Imports are read from the source, those inside functions included. The digest of a
module is taken from its syntax tree without docstrings, so editing a comment, a
docstring or white space makes no stage stale. Parsed modules are cached by content in
a sealed file (`pipeline.engine.sealed`); deleting that file costs time only.

Package data counts as code: every file in a folder `templates` or `static` beside a
module of the closure is part of the closure, byte for byte. A stage that renders a
template therefore becomes stale when the template changes. Keep such folders in a
package that only the stage using them imports.

In: a folder of packages, names of modules. Out: module name or path of a data file
-> digest, and distribution name -> version.

    code = CodeReader(root, cache_file)
    code.closure(["pipeline.train.stage"])   # {"pipeline.train.stage": "9c1e…", …}
    code.closure(["pipeline.report.stage"])  # … "pipeline/report/static/page.js": …
    code.libraries(["pipeline.train.stage"])  # {"keras": "3.15.1", …}
"""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.engine.distributions import distribution_of, version_of
from pipeline.engine.sealed import read_sealed, write_sealed

DATA_FOLDERS = ("templates", "static")  # of a package; their files count as code


# A cached digest depends on the source, the Python version and this file.
_OWN = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
PARSER = f"{sys.version_info[:2]} {_OWN}"


@dataclass(frozen=True)
class Module:
    """One source file: the digest of its code, and the names it imports."""

    digest: str
    imports: tuple[str, ...]


class CodeReader:
    """Reader of the modules below a folder.

    Args:
        root: folder of packages, such as the checkout.
        cache_file: JSON file that keeps parsed modules; None keeps nothing.
        also: more folders to find modules in, such as the working directory, which
            holds the modules of the user.
    """

    def __init__(
        self, root: Path, cache_file: Path | None = None, also: tuple[Path, ...] = ()
    ):
        self.root = root
        self.roots = (root, *also)
        self.cache_file = cache_file
        self.cache = _read_cache(cache_file)
        self.parsed = dict(self.cache)
        self.modules: dict[str, Module | None] = {}
        self.places: dict[str, Path | None] = {}
        self.names: dict[str, frozenset[str]] = {}
        self.edges: dict[str, tuple[str, ...]] = {}
        self.closures: dict[tuple[str, ...], dict[str, str]] = {}
        self.wholes: dict[tuple[str, ...], dict[str, str]] = {}  # with package data
        self.data: dict[Path, dict[str, str]] = {}

    def has(self, name: str) -> bool:
        """Return True if a module of this name exists below a root."""
        return self._find(name) is not None

    def fresh(self) -> CodeReader:
        """Return a reader that reads the files again and shares the parsed modules."""
        reader = CodeReader(self.root, also=self.roots[1:])
        reader.parsed = self.parsed
        return reader

    def closure(self, names: Iterable[str]) -> dict[str, str]:
        """Digests of modules, of all that they import here, and of package data.

        Args:
            names: dotted names of modules.

        Returns:
            Dotted module name, or path of a data file relative to its root -> SHA-256,
            sorted by name.

        Raises:
            UserError: if one of `names` is no module below the roots.
        """
        key = tuple(names)
        if key not in self.wholes:
            digests = dict(self._code(key))
            for folder in {path.parent for path in self._paths(digests)}:
                digests |= self._data(folder)
            self.wholes[key] = dict(sorted(digests.items()))
        return dict(self.wholes[key])

    def files(self, names: Iterable[str]) -> list[Path]:
        """Paths of modules and data files; those that do not exist are left out.

        Args:
            names: keys of `closure`.
        """
        return [path for name in names if (path := self._find_any(name))]

    def libraries(self, names: Iterable[str]) -> dict[str, str]:
        """Versions of the distributions that the closure imports from outside.

        Args:
            names: dotted names of modules.

        Returns:
            Distribution -> version, `absent` if it is not installed; first `python`.
        """
        modules = (self._module(name) for name in self._code(names))
        imports = {
            imported.partition(".")[0]
            for module in modules
            if module
            for imported in module.imports
        }
        outside = {
            top for top in imports - sys.stdlib_module_names if not self._find(top)
        }
        versions = {distribution_of(top): version_of(top) for top in outside}
        python = ".".join(platform.python_version_tuple()[:2])
        return {"python": python, **dict(sorted(versions.items()))}

    def save_cache(self) -> None:
        """Write the parsed modules for the next process; failures are ignored."""
        if self.cache_file is None or self.parsed == self.cache:
            return
        entries = {key: [m.digest, m.imports] for key, m in self.parsed.items()}
        write_sealed(self.cache_file, entries)

    def _code(self, names: Iterable[str]) -> dict[str, str]:
        key = tuple(names)
        if key not in self.closures:
            digests: dict[str, str] = {}
            for name in key:
                if self._module(name) is None:
                    raise UserError(f"no module {name} below {self._where()}")
                self._walk(name, digests)
            self.closures[key] = digests
        return self.closures[key]

    def _walk(self, name: str, digests: dict[str, str]) -> None:
        module = self._module(name)
        if module is None or name in digests:
            return
        digests[name] = module.digest
        if name not in self.edges:
            reached = dict.fromkeys((*_parents(name), *module.imports))
            self.edges[name] = tuple(filter(self._module, reached))
        for reached_name in self.edges[name]:
            self._walk(reached_name, digests)

    def _data(self, folder: Path) -> dict[str, str]:
        """Digests of the data files of one package; none of a root folder."""
        if folder not in self.data:
            root = self._root_of(folder)
            paths = [] if folder in self.roots else data_files(folder)
            self.data[folder] = {
                path.relative_to(root).as_posix(): _hash(path) for path in paths
            }
        return self.data[folder]

    def _root_of(self, folder: Path) -> Path:
        return next(root for root in self.roots if folder.is_relative_to(root))

    def _module(self, name: str) -> Module | None:
        if name not in self.modules:
            path = self._find(name)
            self.modules[name] = self._read(name, path) if path else None
        return self.modules[name]

    def _paths(self, names: Iterable[str]) -> list[Path]:
        return [path for name in names if (path := self._find(name))]

    def _find(self, name: str) -> Path | None:
        if name not in self.places:
            self.places[name] = self._search(name)
        return self.places[name]

    def _search(self, name: str) -> Path | None:
        *packages, last = name.split(".")
        for root in self.roots:
            folder = os.path.join(root, *packages)
            names = self._names(folder)
            if last in names and "__init__.py" in self._names(f"{folder}/{last}"):
                return Path(folder, last, "__init__.py")
            if f"{last}.py" in names and os.path.isfile(f"{folder}/{last}.py"):
                return Path(folder, f"{last}.py")
        return None

    def _names(self, folder: str) -> frozenset[str]:
        """Names in a folder, listed once; none where it cannot be listed."""
        if folder not in self.names:
            try:
                self.names[folder] = frozenset(os.listdir(folder))
            except (OSError, ValueError):  # not a folder, or no name of one
                self.names[folder] = frozenset()
        return self.names[folder]

    def _find_any(self, name: str) -> Path | None:
        """The file of a module or, if there is a slash in the name, of data."""
        if "/" not in name:
            return self._find(name)
        paths = (root / name for root in self.roots)
        return next((path for path in paths if path.is_file()), None)

    def _where(self) -> str:
        return " or ".join(str(root) for root in dict.fromkeys(self.roots))

    def _read(self, name: str, path: Path) -> Module:
        source = path.read_bytes()
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        key = hashlib.sha256(f"{PARSER}\n{package}\n".encode() + source).hexdigest()
        if key not in self.parsed:
            self.parsed[key] = parse(source, package, str(path))
        return self.parsed[key]


def data_files(folder: Path) -> list[Path]:
    """Files in the folders `templates` and `static` of a package, at any depth.

    Python modules are left out, because imports lead to them; so are hidden files and
    the backups of editors.

    Args:
        folder: the package's folder.
    """
    paths = (path for name in DATA_FOLDERS for path in (folder / name).rglob("*"))
    return sorted(path for path in paths if path.is_file() and _is_data(path, folder))


def _is_data(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not (hidden or path.suffix in (".py", ".pyc") or path.name.endswith("~"))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def parse(source: bytes, package: str, path: str) -> Module:
    """Compute the digest and the imports of one source file.

    Args:
        source: content of the file.
        package: dotted name that relative imports start from.
        path: name of the file in messages.

    Raises:
        UserError: if the source is not valid Python; it names the line.
    """
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
    """Serialize a syntax tree, with the same result on every supported Python.

    `ast.dump` differs: 3.12 added a field to definitions, 3.13 omits empty fields, and
    3.12 ends some format specifications with an empty text.

    Args:
        node: an `ast` node, a list of nodes, or a constant.
    """
    if isinstance(node, list):
        return f"[{','.join(map(shape, node))}]"
    if not isinstance(node, ast.AST):
        return hex(node) if type(node) is int else ascii(node)
    fields = (f"{name}={shape(value)}" for name, value in sorted(_fields(node)))
    return f"{type(node).__name__}({','.join(fields)})"


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Fields with a value, without `ctx`, which follows from the position."""
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


def _read_cache(cache_file: Path | None) -> dict[str, Module]:
    entries = read_sealed(cache_file) if cache_file else {}
    return {key: Module(digest, tuple(im)) for key, (digest, im) in entries.items()}
