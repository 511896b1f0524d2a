"""Words of the old private vocabulary stay out of the code and the documentation."""

from __future__ import annotations

import re

import pytest

from tests.helpers.project import ROOT

# Pattern -> the field's word to use instead. CHANGELOG.md names old words on purpose.
FORBIDDEN = {
    r"\btold\b": "a noun that says what the value is: metrics, text, predictions",
    r"\blearn_by_heart\b": "cache_logits",
    r"\b[Ff]aculty\b": "TeacherEnsemble, teachers",
    r"\bSchool\b": "StudentTrainer",
    r"\b[Ww]orkshop\b": "BuildContext",
    r"\bExams?\b": "Evaluator",
    r"\bStudy\b": "RobustnessStudy",
    r"\bKeeper\b": "CheckpointManager",
    r"\bDoubts\b": "RangeCheck",
    r"\bImitation\b|\bimitates?\b|\bimitation\b": (
        "distillation; a loss on the teacher's outputs"
    ),
    r"\bIntake\b": "SourceReader",
    r"\bFurther\b": "ExtraTarget",
    r"\bTwins?\b": "FakeQuantLayer",
    r"\bJudge\b|\bjudged?\b": "TrialPruner; evaluate, compare",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\b(points?|gain) by it\b": "gain of the teacher",
    r"\ba value each\b": "one value per item",
    r"(?<!there )\bis no (class|file|number|model|label|multiple|plain)\b": (
        "is not a ..."
    ),
    r"\bis there already\b": "already exists",
    r"\bevery second example\b": "with probability 0.5",
    r"\bmost and least\b": "maximum and minimum",
    r"\bfurther targets?\b": "extra targets",
    r"\bwhat is not\b": "a noun: unsupported models, unknown names",
    r"\bas it is said\b": "as stated",
    r"\breconstruction task\b": "anomaly detection",
    r"\bdamage\(": "verify_outputs(",
    r"(?<!\.)\bnearest\(": "did_you_mean(",
}
# The table of old keys has to name them.
EXEMPT = {"pipeline/experiment/renamed_keys.py"}
SUFFIXES = {".py", ".j2", ".js", ".css", ".md", ".pyi"}
FILES = sorted(
    path
    for folder in ("pipeline", "docs")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in SUFFIXES and path.relative_to(ROOT).as_posix() not in EXEMPT
)


def uses(pattern: str) -> list[str]:
    """Places of a pattern, as `file:line: text`."""
    word = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in FILES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if word.search(line)
    ]


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_an_old_word_is_not_used(pattern):
    places = uses(pattern)
    assert not places, f"use {FORBIDDEN[pattern]} instead:\n" + "\n".join(places[:20])


def test_a_use_would_be_found():
    assert re.search(next(iter(FORBIDDEN)), "told = 1")
    assert len(FILES) > 300


BRITISH = (
    r"(?i)\b(coloured|colours?|greys?|centres?|neighbours?|labelled|learnt|misspelt)\b"
)


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=str)
def test_the_documentation_is_spelled_as_in_america(path):
    """Names of keys, in code spans, keep their spelling."""
    prose = re.sub(
        r"```.*?```|`[^`]*`|^    .*$", "", path.read_text(), flags=re.S | re.M
    )
    assert not re.findall(BRITISH, prose)
