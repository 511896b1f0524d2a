"""Text pairs: rows, greedy decoding, exact match, errors and floors, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.tasks.pair_tokens import (
    END,
    FIRST,
    SEPARATOR,
    UNKNOWN,
    PairTokens,
    greedy,
    learn_pair_tokens,
    likeliest,
    pair_tokens_of,
)
from pipeline.tasks.registry import get
from pipeline.tasks.seq2seq.errors import edit_distance
from pipeline.tasks.seq2seq.evaluation import Written, chosen_rows, compare
from pipeline.tasks.seq2seq.export import EXPORT
from pipeline.tasks.seq2seq.floor import FLOOR
from pipeline.tasks.seq2seq.metric import METRIC
from pipeline.tasks.seq2seq.prediction import PREDICTION
from pipeline.tasks.seq2seq.training import TRAINING
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.training import target_of

TOKENS = PairTokens(4, 3, "abc")
SIZE, STEPS = TOKENS.size, TOKENS.steps
SPEC = TaskSpec(
    name="t",
    source="text_pairs:t.csv",
    shape=(9,),
    dtype="int32",
    classes=(),
    modality="text",
    task="seq2seq",
    vocabulary=SIZE,
    preprocess=(
        {"step": "pair_tokens", "length": 4, "target_length": 3, "characters": "abc"},
    ),
    target={"length": 4, "steps": 4},
)
PAIRS = [("ab", "ba"), ("c", "c"), ("abc", "cab")]
X = TOKENS.apply(np.array([SEPARATOR.join(pair) for pair in PAIRS], object))
Y = np.array([len(target) for _, target in PAIRS], np.float64)


def sure(numbers: np.ndarray) -> np.ndarray:
    """Logits that are largest at these numbers."""
    return 9.0 * np.eye(SIZE)[numbers]


class TestRows:
    def test_a_row_holds_the_input_and_the_target_between_two_ends(self):
        a, b = FIRST, FIRST + 1
        assert X[0].tolist() == [a, b, 0, 0, END, b, a, END, 0]
        assert X[2, 5:].tolist() == [FIRST + 2, a, b, END]

    def test_texts_come_back(self):
        assert [(TOKENS.input_of(row), TOKENS.target_of(row)) for row in X] == PAIRS
        assert TOKENS.decode([UNKNOWN, FIRST]) == "\N{REPLACEMENT CHARACTER}a"

    def test_a_text_without_a_target_ends_at_the_beginning_of_it(self):
        (row,) = TOKENS.apply(np.array(["ab"], object))
        assert row.tolist() == [FIRST, FIRST + 1, 0, 0, END, 0, 0, 0, 0]

    def test_rows_of_numbers_are_unchanged(self):
        assert TOKENS.apply(X) is X

    def test_all_characters_of_targets_are_known_and_rare_ones_of_inputs_are_not(self):
        pairs = [SEPARATOR.join(pair) for pair in (("aax", "z"), ("ya", "a"))]
        assert learn_pair_tokens(pairs, 4, 3).characters == "az"
        assert TOKENS.unknown("abäx") == ["x", "ä"]

    def test_the_signature_restores_them(self):
        assert pair_tokens_of(SPEC) == TOKENS
        assert get("seq2seq").output_shape(SPEC) == (STEPS, SIZE)

    def test_targets_of_a_fit_are_the_numbers_after_those_that_are_read(self):
        targets = target_of(tf.constant(Y), tf.constant(X), SPEC)
        assert np.array_equal(targets, X[:, -STEPS:])


class TestDecoding:
    def test_each_character_is_read_in_the_next_step(self):
        """A file that writes what it read last, one letter further."""

        def model(rows: np.ndarray) -> np.ndarray:
            read = rows[:, -STEPS - 1 : -1]
            return sure(np.where(read == SIZE - 1, END, read + 1))

        written = greedy(model, X, STEPS)
        assert [TOKENS.decode(row) for row in written] == ["abc"] * 3

    def test_true_targets_are_not_read(self):
        seen = []

        def model(rows: np.ndarray) -> np.ndarray:
            seen.append(rows[:, -STEPS:].copy())
            return sure(np.full((len(rows), STEPS), FIRST))

        before = X.copy()
        written = greedy(model, X, STEPS)
        assert not seen[0].any() and np.array_equal(X, before)
        assert len(seen) == STEPS and (written == FIRST).all()

    def test_a_text_is_read_no_further_than_its_end(self):
        sizes = []

        def model(rows: np.ndarray) -> np.ndarray:
            sizes.append(len(rows))
            first = np.where(rows[:, 0] == FIRST, END, FIRST)
            return sure(np.repeat(first[:, None], STEPS, axis=1))

        written = greedy(model, X, STEPS)
        assert sizes == [3, 1, 1, 1]
        assert written[0].tolist() == [END, 0, 0, 0]

    def test_padding_and_the_unknown_character_are_never_written(self):
        assert likeliest(np.array([9.0, 8.0, 1.0, 2.0])) == FIRST


class TestExactMatch:
    def test_all_characters_and_the_end_must_be_right(self):
        numbers = X[:, -STEPS:].copy()
        assert METRIC.evidence(sure(numbers), X, Y).tolist() == [1, 1, 1]
        numbers[0, 2], numbers[1, 0] = FIRST, FIRST  # no end; another letter
        numbers[2, 3] = END
        assert METRIC.evidence(sure(numbers), X, Y).tolist() == [0, 0, 1]

    def test_what_follows_the_end_does_not_count(self):
        numbers = X[:, -STEPS:].copy()
        numbers[1, 2:] = FIRST
        assert METRIC.evidence(sure(numbers), X, Y)[1] == 1

    def test_an_unknown_character_of_a_target_is_never_right(self):
        x = X.copy()
        x[1, 5] = UNKNOWN
        assert METRIC.evidence(sure(x[:, -STEPS:]), x, Y).tolist() == [1, 0, 1]

    def test_the_graph_counts_the_same(self):
        rng = np.random.default_rng(1)
        logits = sure(X[:, -STEPS:]) + rng.normal(scale=4, size=(3, STEPS, SIZE))
        targets = target_of(tf.constant(Y), tf.constant(X), SPEC)
        exact = TRAINING.evidence(targets, tf.constant(logits, tf.float32)).numpy()
        assert np.array_equal(exact, METRIC.evidence(logits, X, Y))

    def test_padding_has_no_loss(self):
        targets = target_of(tf.constant(Y), tf.constant(X), SPEC)
        logits = tf.zeros((3, STEPS, SIZE))
        loss = TRAINING.losses["cross_entropy"](targets, logits).numpy()
        assert np.allclose(loss[:, 0], np.log(SIZE)) and not loss[1, 2:].any()


class TestEvaluation:
    @pytest.mark.parametrize(
        ("text", "target", "edits"),
        [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3), ("ab", "b", 1)],
    )
    def test_edits(self, text, target, edits):
        assert edit_distance(text, target) == edits

    def test_files_are_compared_on_the_same_pairs(self):
        targets = X[:, -STEPS:]
        wrong = targets.copy()
        wrong[2, 0] = FIRST  # one of 6 characters
        before, after = Written(targets, targets), Written(wrong, targets)
        row = compare(before, after, 50, 1).to_json()
        assert row["exact_match"] == pytest.approx(2 / 3)
        assert row["drop"] == pytest.approx(1 / 3) == row["changed_texts"]
        assert row["character_error_rate"] == pytest.approx(1 / 6)
        low, high = row["exact_match_interval"]
        assert 0 < low < 2 / 3 < high < 1
        assert compare(before, before, 50, 1).exact_match_interval[0] < 1
        low, high = row["character_error_rate_interval"]
        assert 0 <= low <= 1 / 6 <= high
        assert chosen_rows(before, after)[0] == ("changed", 2)
        assert {kind for kind, _ in chosen_rows(after, after)} == {"wrong", "right"}

    def test_the_floors_copy_the_input_or_write_one_target(self):
        assert FLOOR.of(Y, X, Y).tolist() == [0, 1, 0]
        (frequent,) = FLOOR.fitted(SPEC, X[[2, 2, 0]], X, Y)
        assert frequent.evidence.tolist() == [0, 0, 1]


class TestDeployment:
    def test_predict_writes_text(self):
        def model(rows: np.ndarray) -> np.ndarray:
            return sure(np.tile([FIRST, END, 0, 0], (len(rows), 1)))

        written = PREDICTION.outputs(model, X, SPEC)
        rows = PREDICTION.rows(written, X, SPEC, {})
        assert rows[0] == {"text": "a", "complete": True}
        assert PREDICTION.text({"text": "ab", "complete": False}).endswith("an end)")

    def test_metadata_say_how_a_text_is_written(self):
        metadata = EXPORT.metadata(SPEC, {})
        assert metadata["input_length"] == 4 and metadata["steps"] == 4
        assert "#define MODEL_DATA_END 2" in EXPORT.defines(metadata)
