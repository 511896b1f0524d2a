"""Unreadable or misshapen records mean damaged, and damaged means rebuilt."""

from __future__ import annotations

import json

import pytest

from pipeline.core.hashing import hash_value
from pipeline.core.json_io import write_json
from pipeline.engine.fingerprint import describe
from pipeline.engine.publish import partial_folder, publish
from pipeline.engine.run_record import volatile_inputs, write_run
from pipeline.engine.stage_record import (
    changed_inputs,
    content,
    recorded_sources,
    write_record,
)
from tests.helpers.published import HOST, IN_PLACE_OF_A_FILE

RECORDS = ("stage.json", "run.json", "metrics.json")
TEXTS = ["", "[" * 100_000, '{"a":' * 100_000, "NaN", "3", "null", "[]", "{}", '"a"']
VALUES = [3, None, "x", [], {"a": 3}, [[]], float(10**300), True]


def build(toy):
    """Publish stage `one` as a run would, without a process."""
    job, stage = toy.job, toy.job.chain[0]
    out = partial_folder(toy.folder, "one")
    (out / "text.txt").write_text("HELLO")
    (out / "log.txt").write_text("a line")
    write_json(out / "metrics.json", {"headline": "5 letters"})
    write_json(out / "params.json", {})
    facts = {**HOST, "volatile": {}, "volatile_inputs": volatile_inputs(job, stage)}
    write_run(out, stage, facts)
    write_record(out, stage, describe(job, stage, toy.code()))
    publish(out, toy.folder, "one")


def check(toy):
    """No reader raises, the state says so, and publishing again repairs it."""
    decision = toy.plan()["one"]
    assert decision.state in ("damaged", "new"), decision
    assert len(decision.reason) < 500
    content(toy.folder / "one")
    recorded_sources(toy.folder / "one")
    changed_inputs(toy.folder, "one")
    build(toy)
    assert toy.plan()["one"].cached


def mutants(document):
    """The document with each value at the first two levels replaced or removed."""
    for key in document:
        rest = {k: v for k, v in document.items() if k != key}
        yield rest
        yield from ({**rest, key: value} for value in VALUES if value != document[key])
    for key in document:
        if isinstance(document[key], dict):
            for inner in document[key]:
                for value in VALUES:
                    if value != document[key][inner]:
                        yield {**document, key: {**document[key], inner: value}}


@pytest.mark.parametrize("name", RECORDS)
def test_the_wrong_content_is_damage(toy, name):
    build(toy)
    assert toy.plan()["one"].cached
    for text in TEXTS:
        (toy.folder / "one" / name).write_text(text)
        check(toy)
    print(f"{len(TEXTS)} contents of {name}")


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("kind", IN_PLACE_OF_A_FILE)
def test_whatever_stands_in_its_place_is_damage(toy, name, kind):
    build(toy)
    path = toy.folder / "one" / name
    path.unlink()
    IN_PLACE_OF_A_FILE[kind](path)
    check(toy)


@pytest.mark.parametrize("name", ["stage.json", "run.json"])
def test_the_wrong_shape_with_a_right_digest_is_damage(toy, name):
    """As an experiment from elsewhere can bring it."""
    build(toy)
    path = toy.folder / "one" / name
    document = json.loads(path.read_text())
    count = 0
    for mutant in mutants(document):
        if name == "stage.json" and "parts" in mutant:
            mutant |= {"fingerprint": hash_value(mutant["parts"])}
        facts = {key: value for key, value in mutant.items() if key != "digest"}
        if name == "run.json":
            mutant = {**facts, "digest": hash_value(facts)}
        write_json(path, mutant)
        state = toy.plan()["one"].state
        assert state in ("damaged", "stale", "cached"), mutant
        content(toy.folder / "one"), recorded_sources(toy.folder / "one")
        changed_inputs(toy.folder, "one")
        count += 1
    print(f"{count} shapes of {name}")
    assert count > 30
