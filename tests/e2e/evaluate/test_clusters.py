"""`evaluate.clusters` in a finished experiment: the file, and the part of the page."""

from __future__ import annotations

import json

SET = ("--set", "evaluate.clusters.count=10")


def test_clusters_are_published_and_told_on_the_page(copied):
    answer = copied.run("run", "report", *SET)
    assert answer.code == 0, answer.err
    found = json.loads((copied.small / "evaluate/clusters.json").read_text())
    low, high = found["learned"]["nmi"]["interval"]
    assert 0.4 < low <= found["learned"]["nmi"]["value"] <= high <= 1
    assert sum(row["size"] for row in found["clusters"]) == found["examples"]
    page = (copied.small / "report/index.html").read_text()
    assert "Clusters of the learned features" in page
    assert f"{found['learned']['nmi']['value']:.3f}" in page


def test_more_clusters_than_examples_are_one_sentence(copied):
    answer = copied.run("run", "evaluate", "--set", "evaluate.clusters.count=900")
    assert answer.code == 2 and "Traceback" not in answer.err
    assert "evaluate.clusters.count 900: there are 360 examples" in answer.err
