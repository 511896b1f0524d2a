from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

import pytest

from pipeline.core.json_io import write_json
from pipeline.report import page, plotly_script
from pipeline.report.experiment_data import read_experiment
from pipeline.report.rendering import page_script
from pipeline.report.search_chart import search_chart
from pipeline.report.summary import summarize


class Seen(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag: str) -> list[dict]:
        """Attributes of every element of one kind."""
        return [attributes for name, attributes in self.tags if name == tag]


def _render(published, title: str = "") -> str:
    facts = read_experiment(published.folders, title)
    picture = published.draw("report", "frontier.png")
    return page.render(facts, summarize(facts), picture)


def test_the_verdict_comes_first_and_is_complete(published):
    text = Seen(_render(published)).text
    verdict = text[: text.index("Accuracy against size")]
    assert "Flash 4.0 kB" in verdict
    for part in (
        "Chosen: student | int8",
        "3.0 kB",
        "10.0x",
        "0.965",
        "-1.5 points, 95 % interval",
        "0.012 ms",
        "keras-frontier run --exp toy",
    ):
        assert part in verdict


def test_nothing_is_loaded_but_the_library_beside_the_page(published):
    text = _render(published)
    seen = Seen(text)
    addresses = {
        value
        for _, attributes in seen.tags
        for key, value in attributes.items()
        if key in ("src", "href", "srcset", "action")
    }
    outside = {value for value in addresses if not value.startswith(("data:", "#"))}
    assert outside == {"model_card.md", plotly_script.NAME}
    assert not {"iframe", "object"} & {tag for tag, _ in seen.tags}
    assert "url(" not in text and "@import" not in text


def test_the_policy_of_the_page_lets_no_other_script_run(published):
    (policy,) = (m for m in Seen(_render(published)).all("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy["content"]
    assert "unsafe-inline" not in policy["content"].partition("script-src")[2]
    script = "\n" + page_script()
    assert f"<script>{script}</script>" in _render(published)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"sha256-{digest}" in policy["content"]


def test_every_picture_has_words_for_those_who_do_not_see_it(published):
    seen = Seen(_render(published))
    pictures = seen.all("img")
    assert len(pictures) == 4
    assert all(len(picture["alt"]) > 20 for picture in pictures)
    charts = [each for each in seen.all("div") if each.get("role") == "img"]
    assert {each["id"] for each in charts} >= {
        f"chart-{name}"
        for name in (
            *("frontier", "ledger", "classes", "reliability", "robust-0"),
            *("search", "importance", "curves"),
        )
    }
    assert all(len(each["aria-label"]) > 20 for each in charts)


ABSENT = {
    "calibration": ("evaluate/calibration.json", "wrote no calibration"),
    "ledger": ("compress/ledger.json", "wrote no ledger"),
    "importance": ("tune/importance.json", "wrote no importance"),
    "flips": ("evaluate/flips.json", "listed no changed predictions"),
    "robustness": ("evaluate/robustness.json", "No corruptions or attacks"),
    "curves": ("train/history.csv", "wrote no learning curves"),
}


@pytest.mark.parametrize("name", ABSENT)
def test_the_page_does_without_an_artifact_and_says_so(published, name):
    file, words = ABSENT[name]
    assert words not in Seen(_render(published)).text
    (published.folder / file).unlink()
    if name == "curves":
        (published.folder / "distill" / "history.csv").unlink()
    assert words in Seen(_render(published)).text


def test_replicates_cross_validation_and_the_teachers_gain_are_told(published):
    spread = {"accuracy": [0.9, 0.95], "mean": 0.925, "spread": 0.025}
    spread |= {"interval": [0.9, 0.9512], "seeds": [1, 2]}
    for name in ("replicates", "cross_validation"):
        write_json(published.folders["train"] / f"{name}.json", spread)
    gain = {"verdict": "the teacher <helps>", "gain": 0.01, "interval": [0.0, 0.02]}
    write_json(published.folders["distill"] / "gain.json", gain)
    text = Seen(_render(published)).text
    words = "2 runs, mean validation accuracy 0.925, standard deviation 0.025, 95 %"
    assert text.count(f"{words} interval 0.900 to 0.951.") == 2
    assert "Distillation: the teacher <helps>." in text


def test_reasons_why_something_was_not_measured_are_told(published):
    assert "Not measured: typos: no <words>." in Seen(_render(published)).text


def test_axes_of_the_search_are_what_differed_and_no_outcome(published):
    rows = [
        {"trial": n, "values": {"units": units}, "score": score, "status": "ok"}
        | {"reason": None, "parameters": 100 * n, "curve": [0.25, score]}
        | {"mean": score, "activation_bytes": 7 * n, "seed": n}
        for n, units, score in ((0, 8, 0.5), (1, 16, 0.75), (2, 16, None))
    ]
    document = {"trials": rows, "space": [{"name": "units", "kind": "choice"}]}
    write_json(published.folders["tune"] / "trials.json", document)
    facts = read_experiment(published.folders)
    chart = search_chart(facts)
    names = ["units", "parameters", "activation_bytes", "score"]
    assert [axis.name for axis in chart.axes] == names
    assert chart.scores == [0.5, 0.75]
    assert "units" in Seen(_render(published)).text


def test_links_lead_somewhere_and_names_are_unique(published):
    seen = Seen(_render(published))
    names = [attributes["id"] for _, attributes in seen.tags if "id" in attributes]
    assert len(names) == len(set(names))
    for link in seen.all("a"):
        assert link["href"] == "model_card.md" or link["href"][1:] in names


def test_markup_in_class_names_is_text(hostile):
    text = _render(hostile)
    seen = Seen(text)
    assert len(seen.all("script")) == 3 and "<script>alert" not in text
    assert "<script>alert(1)</script>" in seen.text


def test_markup_in_titles_and_reasons_is_text(published):
    seen = Seen(_render(published, title="<img src=x onerror=y>"))
    assert "QUANTIZE works on <float32>" in seen.text
    assert not any("onerror" in attributes for _, attributes in seen.tags)


def test_a_picture_that_was_not_drawn_is_left_out(published):
    (published.folders["train"] / "curves.png").unlink()
    assert len(Seen(_render(published)).all("img")) == 3


def test_pictures_of_the_data_are_not_turned_dark(published):
    published.draw("data", "preview.png")
    kinds = [picture["class"] for picture in Seen(_render(published)).all("img")]
    assert kinds.count("photo") == 1 and kinds.count("plot") == 4


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("baseline-float", "float baseline, dominated"),
        ("baseline-int8", "on the frontier"),
        ("student-int8", "chosen , on the frontier"),
        ("student-qat", "broken: QUANTIZE works on <float32>"),
        ("student-prune0.5", "failed: memory ran out – – – – – – –"),
    ],
)
def test_each_variant_has_a_row_that_says_what_became_of_it(published, row, words):
    text = _render(published)
    _, _, rest = text.partition(f'id="variant-{row}"')
    assert words in Seen("<tr " + rest[: rest.index("</tr>")]).text


def test_a_smaller_file_that_lost_says_why(published):
    def lose(pareto):
        pareto["points"][2]["drop_interval"] = [-0.01, 0.042]
        pareto["chosen"] = "baseline-int8"

    published.change("compress", "pareto.json", lose)
    rest = _render(published).partition('id="variant-student-int8"')[2]
    words = Seen("<tr " + rest[: rest.index("</tr>")]).text
    assert "over the budget , on the frontier" in words
    assert "over the budget: up to 4.2 points" in words


@pytest.mark.parametrize("chosen", ["student-int8", "baseline-float"])
def test_sentences_are_set_apart(published, chosen):
    published.change("compress", "pareto.json", lambda d: d | {"chosen": chosen})
    published.change(
        "compress", "run.json", lambda run: slow(run["volatile"]["latency_words"])
    )
    text = Seen(_render(published)).text.partition("Skip to the result")[2]
    text = text.partition("Written by the report stage")[0]
    assert not re.search(r"[a-z)][.;][A-Z]", text)
    assert ("On this machine it is 1.5x slower" in text) == (chosen == "student-int8")


def slow(words):
    """Make the student slower than the baseline."""
    words["student-int8"] = "1.5x slower"


def test_the_navigation_puts_the_result_first_and_groups_the_rest(published):
    text = Seen(_render(published)).text
    start = text.index("Skip to the result")
    assert "Result Frontier Variants Quality Classes" in text[start:]
    assert (
        "Robustness More Memory Ledger Search Learning Data Environment" in text[start:]
    )


def test_the_arena_is_a_figure_where_it_was_measured(published):
    assert "Arena" not in Seen(_render(published)).text

    def measure(pareto):
        for point in pareto["points"]:
            point["arena_bytes"] = 10_240

    published.change("compress", "pareto.json", measure)
    assert "Arena 10.2 kB" in Seen(_render(published)).text


def test_layers_that_were_left_out_are_named(published):
    def alter(pareto):
        pareto["points"][1]["left_out"] = ["qat: embed (Embedding)"]

    published.change("compress", "pareto.json", alter)
    assert "not compressed: qat: embed (Embedding)" in Seen(_render(published)).text


def test_without_a_chosen_file_the_page_says_so_and_names_the_nearest(nothing_chosen):
    text = Seen(_render(nothing_chosen)).text
    assert "No file meets the budget" in text
    assert "student | int8 : bytes gzip 3,000 (allowed: 2,500). It has 3.0 kB" in text
    assert "keras-frontier run --exp toy" in text


def test_without_latency_there_is_no_figure_of_it(published):
    published.change("compress", "run.json", lambda run: run["volatile"].clear())
    assert "Latency per example" not in Seen(_render(published)).text


def test_a_class_that_the_test_split_lacks_is_said_to_be_missing(published):
    def alter(evaluation):
        for row in evaluation["variants"]:
            row["recall"][1] = None

    published.change("evaluate", "evaluation.json", alter)
    assert Seen(_render(published)).text.count("not in test") == 2


def test_fingerprints_and_hashes_are_those_of_the_records(published):
    text = Seen(_render(published)).text
    for record in read_experiment(published.folders).records.values():
        assert record.fingerprint[:16] in text
        assert all(f"{digest} " in text for digest in record.outputs.values())


def test_the_name_of_the_host_stays_at_home(published):
    text = _render(published)
    assert "abacus" in text and "secret" not in text


def test_fifty_variants_make_a_page_of_less_than_a_megabyte(published):
    facts = read_experiment(published.folders)
    rows = [row | {"id": f"{row['id']}-{n}"} for n in range(10) for row in facts.rows]
    many = dataclasses.replace(facts, rows=rows)
    picture = published.draw("report", "frontier.png")
    assert len(page.render(many, summarize(facts), picture)) < 1_000_000


def test_a_small_change_of_an_error_keeps_its_digits(published):
    published.become("regression")

    def in_a_small_unit(document):
        (row,) = (r for r in document["variants"] if r["id"] == "baseline-int8")
        row["mae"] = 0.000512
        row["change"]["mae"] = {"value": 0.00031, "interval": [-1e-5, 0.0006]}

    published.change("evaluate", "evaluation.json", in_a_small_unit)
    text = Seen(_render(published)).text
    assert "0.000512 +0.00031 (-1e-05 to +0.0006)" in text


OF_TASK = {
    "classification": ({"classes", "prediction_changes", "calibration"}, "3 classes"),
    "regression": ({"errors"}, "regression of price"),
    "anomaly_detection": ({"anomalies"}, "by reconstruction error"),
}


@pytest.mark.parametrize("task", OF_TASK)
def test_a_task_has_its_own_sections_and_subject(published, task):
    if task != "classification":
        published.become(task)
    seen = Seen(_render(published))
    names = {section["id"] for section in seen.all("section")}
    own, subject = OF_TASK[task]
    others = set.union(*(names for names, _ in OF_TASK.values())) - own
    assert own <= names and not others & names
    assert subject in seen.text
