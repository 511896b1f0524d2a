"""evaluate: every exported file on the test split, against the float baseline.

In: the folders of data, train and compress. Out: evaluation.json, calibration.json,
robustness.json, flips.json, flips.png, confusion.png.
Nothing is decided here: what was chosen was chosen on validation, and so were the
temperatures fitted.
Run: python -m pipeline run evaluate --exp digits
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.runtime import LiteModel
from pipeline.data.artifact import Data, Split, read_data
from pipeline.data.heldout import held_out_split
from pipeline.engine.determinism import derive_seed
from pipeline.engine.errors import UserError
from pipeline.engine.jsonio import read_json, write_json
from pipeline.engine.pool import Pool
from pipeline.engine.stage import Inputs
from pipeline.evaluate import calibration, confusion, flips, robustness
from pipeline.evaluate.compare import Answers, compare
from pipeline.evaluate.inference import BatchModel
from pipeline.evaluate.params import EvaluateParams

FROM_COMPRESS = ("id", "source", "recipe", "bytes_raw", "bytes_gzip")
MOST_FITTED = 5000  # validation examples behind a temperature
Row = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """What all files are tried on.

    Args:
        fitting: validation examples that temperatures are fitted on.
    """

    data: Data
    test: Split
    fitting: Split
    threads: int

    def answer(self, path: Path) -> tuple[dict[str, Row], Answers]:
        """How a file takes and gives numbers, and what it said."""
        model = BatchModel(path, self.data.spec, self.threads)
        temperature = 1.0
        if len(self.fitting):
            fitted = model.logits(self.fitting.x)
            temperature = calibration.fit_temperature(fitted, self.fitting.y)
        said = Answers(self.test.y, model.logits(self.test.x), temperature)
        return ends(model.single), said


def run(params: EvaluateParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Run the files, compare them with the baseline, write what that says."""
    data = read_data(inputs["data"])
    _check_task(data)
    pareto = read_json(inputs["compress"] / "pareto.json")
    points = [point for point in pareto["points"] if point["status"] == "ok"]
    files = {p["id"]: inputs["compress"] / p["file"] for p in points}
    bench = _bench(data, inputs)
    study = _study(bench, files, params, inputs)
    found = _run_all(bench, study, params.workers, inputs)
    answers = {name: found["file", name] for name in files}
    robust = robustness.document(study, _of_study(found))
    said = {name: answer for name, (_, answer) in answers.items()}
    rows = _compare_all(said, pareto["baseline"], params, inputs)
    variants = [
        {key: point[key] for key in FROM_COMPRESS}
        | answers[point["id"]][0]
        | rows[point["id"]]
        | robustness.summaries(robust, point["id"])
        for point in points
    ]
    evaluation = {
        "baseline": pareto["baseline"],
        "chosen": pareto["chosen"],
        "examples": len(bench.test),
        "classes": list(data.spec.classes),
        "variants": variants,
    }
    write_json(out / "evaluation.json", evaluation)
    write_json(out / "robustness.json", robust)
    _write_calibration(out, said)
    _show(out, bench, said, pareto)
    return _metrics(evaluation)


def _show(
    out: Path, bench: Bench, said: Mapping[str, Answers], pareto: Mapping[str, Any]
) -> None:
    """What the chosen file decides otherwise than the baseline, and who is whom."""
    baseline = said[pareto["baseline"]]
    last = said.get(pareto["chosen"], baseline)
    flips.write(out, bench.data, bench.test, baseline, last)
    shown = dict.fromkeys(filter(None, (pareto["baseline"], pareto["chosen"])))
    panels = {name: said[name].predicted for name in shown}
    confusion.draw(out / "confusion.png", bench.test.y, panels, bench.data.spec)


def ends(model: LiteModel) -> dict[str, Row]:
    """How a file's input and output are stored."""
    return {"input": _tensor(model.input), "output": _tensor(model.output)}


def _check_task(data: Data) -> None:
    task = data.spec.task
    if task != "classification":
        raise UserError(
            f'{data.folder}: the task is "{task}"; the chain evaluates classification. '
            "pipeline.evaluate.regression and .anomaly measure the others"
        )


def _bench(data: Data, inputs: Inputs) -> Bench:
    test = held_out_split(inputs["data"])
    if not len(test):
        raise UserError(
            f"{inputs['data']}: the test split is empty; raise data.split.test"
        )
    whole = data.validation()
    seed = derive_seed(inputs.seed, "temperature")
    at = robustness.choose(len(whole), MOST_FITTED, seed)
    return Bench(data, test, robustness.subset_of(whole, at), inputs.threads)


def _study(
    bench: Bench, files: Mapping[str, Path], params: EvaluateParams, inputs: Inputs
) -> robustness.Study:
    seed = derive_seed(inputs.seed, "subset")
    at = robustness.choose(len(bench.test), params.examples, seed)
    return robustness.Study(
        data=bench.data,
        subset=robustness.subset_of(bench.test, at),
        positions=at,
        files=files,
        keras=inputs["train"] / "model.keras",
        params=params,
        seed=inputs.seed,
        threads=inputs.threads,
    )


def _run_all(
    bench: Bench, study: robustness.Study, workers: int, inputs: Inputs
) -> dict[tuple[str, str], Any]:
    """`("file", variant)` -> its answers, `("study", task)` -> its conditions."""
    tasks = [(("study", name), task, study) for name, task in robustness.tasks(study)]
    tasks += [(("file", n), bench.answer, path) for n, path in study.files.items()]
    return _drain(tasks, workers, inputs, lambda key: key[1])


def _compare_all(
    said: Mapping[str, Answers], baseline: str, params: EvaluateParams, inputs: Inputs
) -> dict[str, Row]:
    seed = derive_seed(inputs.seed, "bootstrap")
    before, count = said[baseline], params.resamples
    tasks = [(n, compare, before, after, count, seed) for n, after in said.items()]
    return _drain(tasks, params.workers, inputs, lambda name: f"intervals of {name}")


def _drain(
    tasks: list[tuple[Any, ...]],
    workers: int,
    inputs: Inputs,
    told: Callable[[Any], str],
) -> dict[Any, Any]:
    """Key -> value of every `(key, function, *arguments)`, in their order."""
    pool, found = Pool(workers), {}
    for key, function, *arguments in tasks:
        pool.submit(key, function, *arguments)
    for outcome in pool.drain():
        if outcome.error:
            raise UserError(outcome.error)
        found[outcome.key] = outcome.value
        words = f"{len(found)}/{len(tasks)}  {told(outcome.key)}"
        inputs.progress(words, done=len(found), total=len(tasks))
    return {key: found[key] for key, *_ in tasks}


def _of_study(found: Mapping[tuple[str, str], Any]) -> dict[str, list[Row]]:
    return {name: rows for (kind, name), rows in found.items() if kind == "study"}


def _tensor(detail: Row) -> Row:
    """How numbers are stored: value = (stored - zero_point) * scale for integers."""
    scale, zero_point = detail["quantization"]
    kind = np.dtype(detail["dtype"]).name
    return {"dtype": kind, "scale": float(scale), "zero_point": int(zero_point)}


def _write_calibration(out: Path, said: Mapping[str, Answers]) -> None:
    """Reliability diagrams of every file, as it is and at its temperature."""
    diagrams = {
        name: {
            "raw": calibration.diagram(one.log_p, one.y),
            "scaled": calibration.diagram(one.scaled, one.y),
        }
        for name, one in said.items()
    }
    document = {"bins": calibration.BINS, "variants": diagrams}
    write_json(out / "calibration.json", document)


def _metrics(evaluation: dict[str, Any]) -> dict[str, Any]:
    rows = {row["id"]: row for row in evaluation["variants"]}
    baseline, chosen = rows[evaluation["baseline"]], rows.get(evaluation["chosen"])
    end = f"chosen {chosen['accuracy']:.3f}" if chosen else "nothing chosen"
    return {
        "headline": f"{len(rows)} files on {evaluation['examples']:,} test examples, "
        f"baseline {baseline['accuracy']:.3f}, {end}",
        "examples": evaluation["examples"],
        "files": len(rows),
        "accuracy": {name: row["accuracy"] for name, row in rows.items()},
    }
