"""`docstrings:sklearn`: the docstrings of scikit-learn, one document per module.

English prose about a technical subject that every installation has: BSD 3-Clause
License, The scikit-learn developers. Modules are parsed, not imported. Texts differ
between versions of scikit-learn; a version whose texts are not those of
constraints.txt is noted.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from importlib import metadata, util
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.data.corpus import Document, examples_of
from pipeline.data.examples import Examples
from pipeline.data.sources.reader import ReadContext
from pipeline.data.sources.registry import check_known

# Packages of scikit-learn whose docstrings are taken.
PACKAGES = ("cluster", "ensemble", "linear_model", "metrics", "preprocessing")
VERSION = "1.9.1"
SHA256 = "255a7216bb22906bb47f3725c464cbe98744bb17399fe00ea64417049a846046"


def read(context: ReadContext) -> Examples:
    """Read the docstrings; see `SourceReader`."""
    check_known(context.source, context.key)
    documents = documents_of(_root())
    if fingerprint(documents) != SHA256:
        version = metadata.version("scikit-learn")
        context.note(
            f"the texts are those of scikit-learn {version}; figures in the "
            f"documentation are for {VERSION}"
        )
    return examples_of(documents, context)


def documents_of(root: Path) -> list[Document]:
    """Return the docstrings of each module; a paragraph that was there is left out.

    Many functions describe equal parameters in equal words, which a compressor of
    files would find and a model of short windows cannot.

    Args:
        root: folder of the package sklearn.
    """
    paths = [path for name in PACKAGES for path in sorted((root / name).glob("*.py"))]
    seen: set[str] = set()
    documents = []
    for path in paths:
        name = path.relative_to(root).as_posix()
        new = [p for p in paragraphs(path) if " ".join(p.split()) not in seen]
        seen.update(" ".join(p.split()) for p in new)
        documents.append(Document(name, "\n\n".join(dict.fromkeys(new)) + "\n"))
    return [document for document in documents if document.text.strip()]


def paragraphs(path: Path) -> Iterator[str]:
    """Yield the paragraphs of the docstrings of a module, in their order.

    Args:
        path: of the source file.
    """
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        text = ast.get_docstring(node) if isinstance(node, kinds) else None
        yield from (text or "").split("\n\n") if text else ()


def fingerprint(documents: Sequence[Document]) -> str:
    """Hash the names and texts of documents."""
    digest = hashlib.sha256()
    for document in documents:
        digest.update(f"{document.name}\0{document.text}\0".encode())
    return digest.hexdigest()


def _root() -> Path:
    spec = util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise UserError("docstrings:sklearn needs the package scikit-learn; install it")
    return Path(spec.origin).parent
