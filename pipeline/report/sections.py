"""Sections of the page: those of every task, and between them those of the task."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.tasks.report import Section, report_of

QUALITY, MAKING = "Quality", "More"
GROUPS = ("", QUALITY, MAKING)  # of the navigation, in this order
AFTER = "ledger"  # the section that those of the task follow


def all_sections(task: str) -> list[Section]:
    """Return the sections of a task's page, in their order.

    Args:
        task: as spec.json names it.
    """
    place = [section.name for section in SHARED].index(AFTER) + 1
    return [*SHARED[:place], *report_of(task).sections, *SHARED[place:]]


def navigation(sections: Sequence[Section]) -> dict[str, list[Section]]:
    """Return the sections by their group, those in none first.

    Args:
        sections: in the order of the page.
    """
    groups: dict[str, list[Section]] = {"": []}
    for section in sections:
        groups.setdefault(section.group, []).append(section)
    return {name: groups[name] for name in GROUPS if name in groups} | groups


def _shared(name: str, short: str, title: str, group: str = MAKING) -> Section:
    return Section(name, short, title, "sections", group)


SHARED = (
    _shared("frontier", "Frontier", "{score} against size", ""),
    _shared("variants", "Variants", "Variants", ""),
    _shared("memory", "Memory", "Memory over the operators"),
    _shared("ledger", "Ledger", "Size after each step"),
    _shared("robustness", "Robustness", "Robustness", QUALITY),
    _shared("search", "Search", "Hyperparameter search"),
    _shared("learning", "Learning", "Learning curves"),
    _shared("data", "Data", "Data"),
    _shared("environment", "Environment", "Environment and hashes"),
)
