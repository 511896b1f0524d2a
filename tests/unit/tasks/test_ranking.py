"""Ranks, losses, floors and predictions of a ranking, against small cases by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from pipeline.core.errors import UserError
from pipeline.data.sources import interactions_dataset as made
from pipeline.inference.request_reader import read_requests
from pipeline.metrics import bootstrap
from pipeline.models import registry
from pipeline.tasks.metric import metric_of
from pipeline.tasks.ranking.evaluation import Rankings, compare
from pipeline.tasks.ranking.floor import FLOOR
from pipeline.tasks.ranking.metric import METRIC
from pipeline.tasks.ranking.prediction import PREDICTION
from pipeline.tasks.ranking.ranks import ndcg, ranks, top, without
from pipeline.tasks.ranking.training import TRAINING
from pipeline.tasks.ranking_rows import RankingRows, rows_of
from pipeline.tasks.registry import get
from pipeline.tasks.spec import TaskSpec

ITEMS = tuple("abcdef")
STEP = {
    "step": "ranking_rows",
    "reads": "history",
    "length": 3,
    "items": list(ITEMS),
    "contexts": ["ann", "bob"],
    "seen": [0, 1, 2, 3],
    "counts": [3, 1],
}
SPEC = TaskSpec(
    name="t",
    source="interactions:catalog",
    shape=(3,),
    dtype="int32",
    classes=(),
    modality="text",
    task="ranking",
    vocabulary=8,
    preprocess=(STEP,),
    target={"items": 6, "reads": "history"},
)
SCORES = np.array([[6, 5, 4, 3, 2, 1], [1, 1, 1, 1, 1, 1.0]], np.float32)
Y = np.array([[3, 0, 1], [2, 4, -1]], np.int32)


class TestRanks:
    def test_items_that_are_left_out_do_not_count(self):
        assert ranks(SCORES, Y).tolist() == [2.0, 3.0]  # 2: c and d; 3: of five equal

    def test_a_higher_score_is_a_lower_rank(self):
        y = np.arange(6)[:, None]
        assert ranks(np.tile(SCORES[:1], (6, 1)), y).tolist() == [1, 2, 3, 4, 5, 6]

    def test_scores_that_are_no_numbers_rank_last(self):
        assert ranks(np.full((2, 6), np.nan), Y).min() >= 4.0

    def test_the_graph_computes_the_same_ranks(self):
        rng = np.random.default_rng(2)
        scores = rng.integers(0, 4, (50, 9)).astype(np.float32)
        scores[0] = np.nan
        y = np.stack([rng.permutation(9)[:4] for _ in range(50)]).astype(np.int32)
        y[::3, 2:] = -1
        graph = TRAINING.evidence(tf.constant(y), tf.constant(scores)).numpy()
        assert np.array_equal(graph, ranks(scores, y))
        gain = TRAINING.epoch_metric(y).counted(tf.constant(graph)).numpy()
        assert np.allclose(gain, ndcg(graph), atol=1e-6)

    def test_metrics_of_one_rank_are_those_of_the_definitions(self):
        rank = np.array([1.0, 3.0, 11.0])
        value = {key: metric.value(rank, Y) for key, metric in METRIC.others.items()}
        assert METRIC.value(rank, Y) == pytest.approx((1 + 0.5) / 3)
        assert value["recall_at_10"] == pytest.approx(2 / 3)
        assert value["mrr"] == pytest.approx((1 + 1 / 3 + 1 / 11) / 3)
        (once,) = bootstrap.once(METRIC.resampled(rank, Y), 3)
        assert once == pytest.approx(METRIC.value(rank, Y))
        assert metric_of(SPEC) is METRIC

    def test_the_first_items_are_without_those_left_out(self):
        assert top(without(SCORES, Y), 2).tolist() == [[2, 3], [0, 1]]


class TestLosses:
    @pytest.mark.parametrize("name", get("ranking").losses)
    def test_a_higher_true_score_has_a_lower_loss(self, name):
        low, high = np.zeros((2, 6), np.float32), np.zeros((2, 6), np.float32)
        high[[0, 1], Y[:, 0]] = 3
        loss = [TRAINING.losses[name](Y.astype(np.float32), s) for s in (low, high)]
        assert (loss[1].numpy() < loss[0].numpy()).all() and loss[0].shape == (2,)

    @pytest.mark.parametrize("name", ["bpr", "sampled_softmax"])
    def test_items_that_are_left_out_are_no_negatives(self, name):
        scores = np.zeros((2, 6), np.float32)
        before = TRAINING.losses[name](Y, scores).numpy()
        scores[0, [0, 1]], scores[1, 4] = 9, 9
        assert np.array_equal(TRAINING.losses[name](Y, scores).numpy(), before)

    def test_negatives_are_drawn_by_the_batch(self):
        rng = np.random.default_rng(1)
        scores = rng.normal(size=(8, 400)).astype(np.float32)
        y = rng.integers(0, 400, (8, 1)).astype(np.int32)
        loss = TRAINING.losses["bpr"]
        assert np.array_equal(loss(y, scores), loss(y, scores))
        order = np.arange(8)[::-1]
        other = loss(y[order], scores[order]).numpy()[order]
        assert not np.array_equal(other, loss(y, scores).numpy())

    def test_the_sampled_softmax_estimates_the_whole_one(self):
        rng = np.random.default_rng(3)
        scores = np.tile(rng.normal(size=400), (2000, 1)).astype(np.float32)
        y = np.zeros((2000, 1), np.int32)
        sampled = TRAINING.losses["sampled_softmax"](y, scores).numpy().mean()
        whole = TRAINING.losses["cross_entropy"](y, scores).numpy().mean()
        assert sampled == pytest.approx(whole, abs=0.02)

    def test_distillation_is_lowest_for_the_distribution_of_the_teacher(self):
        teacher = tf.constant(SCORES)
        loss = [TRAINING.distillation(s, teacher).numpy()[0] for s in (SCORES, -SCORES)]
        assert loss[0] < loss[1]


class TestFloors:
    def test_the_most_popular_items_are_the_floor(self):
        teaching = np.array([[0], [0], [2], [0], [2], [3]])
        y = np.array([[2, -1], [2, 0]])
        assert FLOOR.evidence(teaching, y).tolist() == [2.0, 1.0]

    def test_what_followed_the_last_item_is_learned(self):
        train = np.array([[0, 2, 3], [2, 3, 2], [3, 2, 3], [0, 4, 5]])
        test = np.array([[0, 0, 2], [0, 0, 4], [0, 0, 0]])
        (row,) = FLOOR.fitted(SPEC, train, test, np.array([[1], [3], [1]]))
        assert row.learned and row.evidence.tolist() == [1.0, 1.0, 1.0]


class TestPredictions:
    def test_a_user_gets_items_that_were_not_taken(self, tmp_path):
        path = tmp_path / "users.txt"
        path.write_text("bob\nann\te\nzoe\ta\n\n")
        step = rows_of(SPEC)
        requests = read_requests(path, step)
        stored = step.apply(requests.raw)
        assert stored.tolist() == [[0, 0, 5], [3, 4, 6], [0, 0, 2]]
        outputs = np.tile(SCORES[:1], (3, 1))
        rows = PREDICTION.rows(outputs, stored, SPEC, {})
        rows = list(map(PREDICTION.located, rows, requests.facts))
        assert [[*row["items"]] for row in rows] == [
            ["a", "b", "c", "e", "f"],
            ["d", "f"],
            ["b", "c", "d", "e", "f"],
        ]
        assert rows[2]["unknown"] == ["zoe"] and "zoe" in requests.notes[0]
        assert "not in training: zoe" in PREDICTION.text(rows[2])

    def test_a_line_of_a_graph_needs_a_relation(self, tmp_path):
        path = tmp_path / "heads.txt"
        path.write_text("a\tlikes\na\n")
        step = RankingRows("triple", 2, ITEMS, ("likes",))
        with pytest.raises(UserError, match="line 2: must be a head, a tab"):
            read_requests(path, step)
        path.write_text("a\tlikes\nb\thates\n")
        requests = read_requests(path, step)
        assert step.apply(requests.raw).tolist() == [[2, 8], [3, 1]]

    def test_an_empty_file_is_one_error(self, tmp_path):
        path = tmp_path / "users.txt"
        path.write_text("\n")
        with pytest.raises(UserError, match="must hold a user per line"):
            read_requests(path, rows_of(SPEC))


class TestComparison:
    def test_files_are_compared_on_the_same_users(self):
        y = np.tile(Y, (5, 1))
        rank = np.tile([1.0, 2.0], 5)
        items = np.tile(np.arange(5), (10, 1))
        before = Rankings(rank, items, 6, y)
        after = Rankings(rank + 1, items + 1, 6, y)
        row = compare(before, after, 50, 1).to_json()
        gains = 1 - 1 / math.log2(3), 1 / math.log2(3) - 1 / 2
        assert row["drop"] == pytest.approx(np.mean(gains))
        assert row["same_items"] == 0.8 and row["coverage"] == pytest.approx(5 / 6)
        low, high = row["change"]["mrr"]["interval"]
        assert low <= row["change"]["mrr"]["value"] <= high < 0
        assert compare(before, before, 50, 1).drop == 0.0


class TestBuilders:
    @pytest.mark.parametrize("name", ["two_tower", "matrix_factorization"])
    @pytest.mark.parametrize("length", [1, 3])
    def test_scores_of_all_items_are_returned(self, name, length):
        model = registry.build(name, {}, replace(SPEC, shape=(length,)), 1)
        assert model.output_shape == (None, 6)

    @pytest.mark.parametrize("name", ["transe", "distmult"])
    def test_tails_are_scored_from_a_head_and_a_relation(self, name):
        spec = replace(SPEC, shape=(2,))
        model = registry.build(name, {"dropout": 0.0}, spec, 1)
        table, kernel = (w.numpy() for w in model.weights[:2])
        parts = {"transe": np.add, "distmult": np.multiply}
        expected = parts[name](table[2], table[7]) @ kernel
        assert np.allclose(model(np.array([[2, 7]]))[0], expected, atol=1e-5)
        with pytest.raises(UserError, match="a head and a relation"):
            registry.build(name, {}, SPEC, 1)


class TestCatalog:
    def test_the_best_ranking_knows_the_probabilities(self, monkeypatch):
        monkeypatch.setattr(made, "USERS", 30)
        monkeypatch.setattr(made, "ITEMS", 40)
        made.catalog_of.cache_clear()
        header, *rows = made.catalog()
        assert header == ("user", "item", "time") and len(set(rows)) == len(rows)
        times = [row[2] for row in rows]
        assert times == sorted(times) and rows == [*made.catalog()][1:]
        taken: dict[str, list[str]] = {}
        for user, item, _ in rows:
            taken.setdefault(user, []).append(item)
        last = [(user, items[-1]) for user, items in taken.items()]
        best = made.best_ndcg(last, [items[:-1] for items in taken.values()])
        assert 0.2 < best < 1
        assert all(len({*items}) == len(items) for items in taken.values())
        made.catalog_of.cache_clear()
