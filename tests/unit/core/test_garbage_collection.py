"""Garbage collection of processes that build models."""

from __future__ import annotations

import gc
import weakref

import pytest

from pipeline.core.garbage_collection import (
    THRESHOLDS,
    collect_rarely,
    pause_collection,
)


@pytest.fixture
def as_python_starts():
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.enable()
    gc.set_threshold(*before)


class Node:
    me: Node


@pytest.mark.usefixtures("as_python_starts")
def test_what_exists_is_left_out_and_what_comes_is_collected():
    kept = [[] for _ in range(1000)]
    collect_rarely()
    assert gc.get_freeze_count() > len(kept)
    assert gc.get_threshold() == THRESHOLDS
    node = Node()
    node.me = node
    end = weakref.ref(node)
    del node
    assert end() is not None
    gc.collect()
    assert end() is None


@pytest.mark.usefixtures("as_python_starts")
def test_a_second_call_does_nothing():
    collect_rarely()
    before, _ = gc.get_freeze_count(), [[] for _ in range(1000)]
    collect_rarely()
    assert gc.get_freeze_count() <= before


@pytest.mark.usefixtures("as_python_starts")
def test_a_pause_ends_where_collections_become_rare():
    pause_collection()
    assert not gc.isenabled()
    collect_rarely()
    assert gc.isenabled()
