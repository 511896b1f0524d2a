"""Links of the documentation: every file, page and heading that is linked exists."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.docs_pages import LINK, PAGES, ROOT, anchors, name, without_fences


def links() -> list[tuple[Path, str]]:
    """All links that lead into the repository."""
    found = (
        (page, link) for page in PAGES for link in LINK.findall(without_fences(page))
    )
    return [(page, link) for page, link in found if "://" not in link]


@pytest.mark.parametrize(
    ("page", "link"), links(), ids=lambda value: getattr(value, "name", value)
)
def test_link_leads_to_a_file_and_a_heading(page: Path, link: str):
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists(), f"{name(page)}: {link}"
    assert not anchor or anchor in anchors(target), f"{name(page)}: {link}"


def test_every_page_is_in_the_navigation():
    config = (ROOT / "zensical.toml").read_text()
    pages = [page.name for page in PAGES if page.parent == ROOT / "docs"]
    assert [page for page in pages if f'"{page}"' not in config] == []


@pytest.mark.skipif(
    importlib.util.find_spec("zensical") is None, reason="needs zensical"
)
def test_website_builds_without_a_warning(tmp_path: Path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "No issues found" in result.stdout + result.stderr
    assert (tmp_path / "build/site/index.html").exists()
    assert (tmp_path / "build/site/search.json").exists()


def test_website_loads_nothing_from_the_network():
    assert "font = false" in (ROOT / "zensical.toml").read_text()
