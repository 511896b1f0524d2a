"""Texts divided into splits and cut into windows; texts that are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.corpus import Document, examples_of
from pipeline.data.examples import Examples
from pipeline.data.params import DataParams
from pipeline.data.sources import corpus_dataset, docstrings_dataset
from pipeline.data.sources.reader import ReadContext

LINES = "".join(f"line {number} of a text\n" for number in range(40))


def context(source: str = "corpus:t", **data) -> ReadContext:
    corpus = {"length": 16, **data.pop("corpus", {})}
    params = DataParams(source=source, task="next_token", corpus=corpus, **data)
    return ReadContext(params, Path("unused"), source=source)


def documents(count: int) -> list[Document]:
    return [
        Document(f"{k}.txt", f"line {1000 + k} of a text\n{LINES}")
        for k in range(count)
    ]


def masks(examples: Examples) -> dict[str, np.ndarray]:
    train = ~(examples.own_validation | examples.own_test)
    own = {"validation": examples.own_validation, "test": examples.own_test}
    return {"train": train, **own}


def read(path: Path, **data) -> Examples:
    return corpus_dataset.read(context(f"corpus:{path}", **data))


class TestSplits:
    def test_whole_documents_are_in_one_split(self):
        examples = examples_of(documents(12), context())
        splits = {
            name: {n.partition(":")[0] for n in examples.names[mask]}
            for name, mask in masks(examples).items()
        }
        assert sum(map(len, splits.values())) == 12
        assert len(set.union(*splits.values())) == 12 and all(splits.values())

    def test_a_single_document_is_cut_by_position(self):
        examples = examples_of(documents(1), context())
        tokens, split = examples.steps[0], masks(examples)
        text = {
            name: tokens.decode(np.concatenate([r[1:] for r in examples.x[mask]]))
            for name, mask in split.items()
        }
        whole = documents(1)[0].text
        begins = [whole.index(text[name][:30]) for name in text]
        assert begins == sorted(begins)
        assert len(text["train"]) == pytest.approx(0.6 * len(whole), abs=2)

    def test_no_window_reaches_into_another_split(self):
        """The first token of each stretch is given, and the last one ends it."""
        whole = documents(1)[0].text
        examples = examples_of(documents(1), context())
        total = sum(examples.y)
        assert total == len(whole) - 3  # one given token in each of three stretches

    def test_the_result_is_the_same_for_documents_in_another_order(self):
        first, second = documents(12), documents(12)[::-1]
        x = [examples_of(docs, context()) for docs in (first, second)]
        rows = [{tuple(row) for row in e.x[e.own_test]} for e in x]
        assert rows[0] == rows[1]

    def test_characters_are_learned_from_training_texts_only(self):
        text = LINES * 4 + "ööö" * 9
        given = context()
        examples = examples_of([Document("t", text)], given)
        assert "ö" not in examples.steps[0].characters
        assert "count as one unknown" in given.notes[0]

    def test_without_a_test_split_none_is_cut(self):
        split = {"train": 0.8, "validation": 0.2, "test": 0.0}
        examples = examples_of(documents(1), context(split=split))
        assert examples.own_test is None and examples.own_validation.any()


class TestFiles:
    def test_a_folder_of_texts_is_read_in_order(self, tmp_path):
        for k in range(3):
            (tmp_path / f"{k}.md").write_bytes(f"# {k}\r\n{LINES}".encode())
        (tmp_path / "picture.png").write_bytes(b"\x89PNG")
        examples = read(tmp_path)
        assert examples.names[0].startswith("0.md")
        assert "\r" not in examples.steps[0].characters

    def test_one_enormous_line_is_a_text(self, tmp_path):
        path = tmp_path / "line.txt"
        path.write_text("abcdefgh " * 20_000)
        examples = read(path)
        assert len(examples) == pytest.approx(180_000 / 15, rel=0.01)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "holds no text"),
            (b" \n\n", "holds no text"),
            (b"caf\xe9 " * 99, "is not UTF-8 (byte 3)"),
            (b"short", "too few for windows of 16 tokens"),
        ],
    )
    def test_a_file_without_usable_text_is_one_error(self, tmp_path, content, reason):
        path = tmp_path / "bad.txt"
        path.write_bytes(content)
        with pytest.raises(UserError) as error:
            read(path)
        assert reason in str(error.value) and "\n" not in str(error.value)

    def test_bad_files_of_a_folder_can_be_skipped(self, tmp_path):
        (tmp_path / "good.txt").write_text(LINES)
        (tmp_path / "bad.txt").write_bytes(b"caf\xe9")
        (tmp_path / "empty.txt").write_bytes(b"")
        given = context(f"corpus:{tmp_path}", on_bad_example="skip")
        corpus_dataset.read(given)
        assert [place for _, place, _ in given.skipped] == ["bad.txt", "empty.txt"]

    def test_a_missing_path_and_an_empty_folder_are_errors(self, tmp_path):
        with pytest.raises(UserError, match="must be a regular file or folder"):
            read(tmp_path / "nothing")
        with pytest.raises(UserError, match=r"holds no text; a folder must hold"):
            read(tmp_path)

    @pytest.mark.parametrize(
        ("split", "named"),
        [({"folds": 3}, "folds"), ({"use_source_splits": False}, "use_source_splits")],
    )
    def test_splits_that_would_divide_texts_are_refused(self, split, named):
        with pytest.raises(UserError, match=f"data.split.{named} would draw windows"):
            examples_of(documents(1), context(split=split))


class TestDocstrings:
    def test_the_texts_are_those_of_the_locked_version(self):
        texts = docstrings_dataset.documents_of(docstrings_dataset._root())
        assert docstrings_dataset.fingerprint(texts) == docstrings_dataset.SHA256

    def test_a_repeated_paragraph_is_left_out(self, tmp_path):
        for name in docstrings_dataset.PACKAGES:
            (tmp_path / name).mkdir()
        for name in ("a", "b"):
            path = tmp_path / docstrings_dataset.PACKAGES[0] / f"{name}.py"
            path.write_text(f'"""Module {name}.\n\nOne paragraph\nin two lines."""\n')
        first, second = docstrings_dataset.documents_of(tmp_path)
        assert first.text == "Module a.\n\nOne paragraph\nin two lines.\n"
        assert second.text == "Module b.\n"
