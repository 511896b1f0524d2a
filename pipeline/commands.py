"""What the verbs of the command line do."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from pipeline import extension, missing, single, verdict
from pipeline.compress_file import published_job
from pipeline.config import (
    FILE,
    Experiment,
    check_name,
    experiment_folder,
    load_experiment,
    split_sets,
)
from pipeline.core.base_path import base
from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json
from pipeline.data.extension import FOLDER
from pipeline.data.sources.registry import FILES, check_known, check_source, known_task
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.lock import experiment_lock
from pipeline.engine.plan import Decision, plan
from pipeline.engine.runner import CODE_ROOT, Runner
from pipeline.engine.scratch import drop_scratch
from pipeline.engine.stage import Job
from pipeline.engine.stage_record import changed_inputs
from pipeline.engine.terminal import Terminal, decision_line, quiet
from pipeline.models.catalogue import parse

MODALITIES = {1: "table", 2: "audio", 3: "image"}  # by the number of dimensions
TEMPLATE = """\
# Every key and its default: python -m pipeline show config --exp {name}
seed: 1

data:
  source: {source}
{task}
compress:
  budget: {{max_drop: 0.01}}
"""


def run(arguments: argparse.Namespace) -> int:
    """Bring a stage up to date, or say what that would take."""
    job, code = open_job(arguments)
    extension.check(job)
    if arguments.dry_run:
        _print_lines(plan(job, job.upto((arguments.stage,)), code))
        return 0
    missing.check(job, plan(job, job.upto((arguments.stage,)), code))
    _keep_earlier(job)
    reporter = Terminal(verbose=arguments.verbose)
    runner = Runner(job, code, reporter)
    runner.bring_up_to_date((arguments.stage,), arguments.force, arguments.only)
    _track(job, arguments)
    return 0


def _keep_earlier(job: Job) -> None:
    """Keep what is published before more data take its place."""
    if len(job.params["data"].sources) > 1:
        with experiment_lock(job.folder):
            kept = extension.keep(job)
        if kept:
            print(f"kept      {kept}: what was published before data.extend")


def _track(job: Job, arguments: argparse.Namespace) -> None:
    """Tell a tracking server what ran, where the experiment names one."""
    experiment = _experiment(job.folder, arguments)
    if experiment.tracking.mlflow is None:
        return
    from pipeline.tracking.record import record

    stages = [stage.name for stage in job.upto((arguments.stage,))]
    told = record(
        experiment, job.folder, [arguments.stage] if arguments.only else stages
    )
    if told:
        print(told, file=sys.stderr)


def stale(arguments: argparse.Namespace) -> int:
    """Names of stages to run on standard output, lines of the others on error.

    Make reads the names while it reads its Makefile; `!` says that the message
    on standard error is the end of it.
    """
    try:
        job, code = open_job(arguments)
        decisions = plan(job, job.upto(tuple(arguments.stages)), code)
        missing.check(job, decisions)
    except UserError:
        print("!", flush=True)
        raise
    cached = [decision for decision in decisions if decision.cached]
    for decision in cached:
        print(decision_line(decision), file=sys.stderr)
    print(" ".join(d.stage for d in decisions if not d.cached))
    return 0


def status(arguments: argparse.Namespace) -> int:
    """The plan of the whole chain; nothing is run."""
    job, code = open_job(arguments)
    decisions = plan(job, job.chain, code)
    if arguments.json:
        return _print_json([_facts(decision) for decision in decisions])
    _print_lines(decisions)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """The verdict, one stage, the resolved experiment file, or a model."""
    if arguments.what == "model":
        return _show_model(arguments)
    if arguments.model:
        raise UserError(f"show {arguments.what} takes no second name")
    folder = experiment_folder(arguments.root, arguments.exp)
    if arguments.what == "config":
        experiment = _experiment(folder, arguments)
        return _print_json(experiment.model_dump(mode="json"))
    if arguments.what:
        return _print_json(_stage_facts(folder / arguments.what))
    if single.is_single(folder):
        return _show_single(folder, arguments)
    summary = verdict.read(folder)
    if arguments.json:
        _print_json(summary)
    else:
        print(verdict.text(folder, summary))
        _tell_if_older(folder)
    return verdict.exit_code(summary)


def _show_single(folder: Path, arguments: argparse.Namespace) -> int:
    """What compress-file said at its end; it makes no report."""
    pareto = single.read(folder)
    if arguments.json:
        _print_json(pareto)
    else:
        print(single.text(folder, pareto))
    return single.exit_code(pareto)


def _tell_if_older(folder: Path) -> None:
    """Say so when a stage was published after the report that is shown."""
    older = changed_inputs(folder, "report")
    if older:
        told = f"the report is older than {', '.join(older)}"
        print(f"note      {told}; run: make report EXP={folder.name}")


def _show_model(arguments: argparse.Namespace) -> int:
    name, values, spec = _model_and_data(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet():  # TensorFlow and its converter tell of themselves
        module = importlib.import_module("pipeline.show_model")
        told = module.facts(name, values, spec)
    if arguments.json:
        return _print_json(told)
    print(module.text(told))
    return 0


def _model_and_data(
    arguments: argparse.Namespace,
) -> tuple[str, dict[str, Any], Any]:
    """The builder with the experiment's values, if it is the experiment's."""
    asked = any(text.startswith("tune") for text in all_sets(arguments))
    if arguments.shape and arguments.model and not asked:
        parse(arguments.model)
        return arguments.model, {}, _made_up(arguments)
    folder = experiment_folder(arguments.root, arguments.exp)
    tune = _experiment(folder, arguments).tune
    name = arguments.model or tune.builder
    parse(name)
    if not arguments.shape and not (folder / "data" / "spec.json").is_file():
        raise UserError(
            f"{folder}: its data are not there yet; run: make data "
            f"EXP={arguments.exp}, or give --shape H,W,C --classes N"
        )
    spec = _made_up(arguments) if arguments.shape else _published(folder)
    return name, tune.values if asked or name == tune.builder else {}, spec


def _published(folder: Path) -> Any:
    from pipeline.data.spec import read_spec

    return read_spec(folder / "data")


def _made_up(arguments: argparse.Namespace) -> Any:
    """A signature from --shape and --classes."""
    from pipeline.data.spec import TaskSpec  # and NumPy, which no other verb needs

    try:
        shape = tuple(int(size) for size in arguments.shape.split(","))
    except ValueError:
        shape = (0,)
    if min(shape) < 1 or arguments.classes < 1 or arguments.vocabulary < 0:
        raise UserError(
            f"--shape {arguments.shape} --classes {arguments.classes}: must be whole "
            "numbers above zero, such as --shape 32,32,3 --classes 10"
        )
    classes = tuple(str(number) for number in range(arguments.classes))
    return TaskSpec(
        "shape",
        "--shape",
        shape,
        "int32" if arguments.vocabulary else "float32",
        classes,
        modality="text"
        if arguments.vocabulary
        else MODALITIES.get(len(shape), "audio"),
        task=arguments.task,
        vocabulary=arguments.vocabulary,
    )


def new(arguments: argparse.Namespace) -> int:
    """Make experiments/NAME/experiment.yaml; an existing one is left alone."""
    check_name(arguments.name)
    _check_there(arguments.source)
    path = arguments.root / arguments.name / "experiment.yaml"
    if path.exists():
        raise UserError(f"{path}: is there already; choose another name, or edit it")
    path.parent.mkdir(parents=True, exist_ok=True)
    task = known_task(arguments.source)
    told = f"  task: {task}\n" if task not in (None, "classification") else ""
    values = {"name": arguments.name, "source": arguments.source, "task": told}
    path.write_text(TEMPLATE.format(**values))
    print(f"{path}\nrun it with: make all EXP={arguments.name}")
    return 0


def _check_there(source: str) -> None:
    """Refuse a source that is no source, or whose file or folder is not there."""
    check_source(source)
    check_known(source, "--source")
    if source.partition(":")[0] in FILES:
        from pipeline.data.sources.reader import source_path  # and NumPy

        source_path(source, "--source")


def clean(arguments: argparse.Namespace) -> int:
    """Remove the stage folders and what a crash may have left."""
    folder = experiment_folder(arguments.root, arguments.exp)
    with experiment_lock(folder):
        for stage in _experiment(folder, arguments).job(folder).chain:
            paths = [folder / stage.name, *folder.glob(f".{stage.name}.*")]
            for path in paths:
                _remove(path)
            drop_scratch(folder, stage.name)
        _remove(folder / "tensorboard")
    (folder / ".code.json").unlink(missing_ok=True)
    kept = FOLDER if (folder / FOLDER).is_dir() else ""
    and_more = f" and {kept}/, the results of before data.extend," if kept else ""
    print(f"{folder}: artifacts removed, experiment.yaml{and_more} kept")
    return 0


def open_job(arguments: argparse.Namespace) -> tuple[Job, CodeReader]:
    """The experiment of a command, and the reader of the code that it runs."""
    folder = experiment_folder(arguments.root, arguments.exp)
    job = _job(folder, arguments)
    code = CodeReader(CODE_ROOT, folder / ".code.json", also=(Path.cwd() / base(),))
    for stage in job.chain:
        code.closure(job.modules(stage))
    code.save_cache()
    return job, code


def _job(folder: Path, arguments: argparse.Namespace) -> Job:
    """The whole chain, or that of compress-file."""
    sets = all_sets(arguments)
    if not single.is_single(folder):
        return _experiment(folder, arguments).job(folder, sets)
    if sets or arguments.verb not in ("status", "show"):
        raise UserError(
            f"{folder / FILE}: was made by compress-file; to run it again, or "
            "otherwise, give that command with what is to be different"
        )
    return published_job(folder)


def _experiment(folder: Path, arguments: argparse.Namespace) -> Experiment:
    return load_experiment(folder, all_sets(arguments))


def all_sets(arguments: argparse.Namespace) -> list[str]:
    """The overrides of a command, from `--set` and from make's SET."""
    return [*arguments.sets, *split_sets(arguments.set_line)]


def _stage_facts(folder: Path) -> dict[str, Any]:
    if not (folder / "stage.json").is_file():
        raise UserError(
            f"{folder}: no result yet; run: make {folder.name} EXP={folder.parent.name}"
        )
    names = ("params", "metrics", "run")
    return {name: read_json(folder / f"{name}.json") for name in names}


def _facts(decision: Decision) -> dict[str, str]:
    names = ("stage", "state", "reason", "headline")
    return {name: getattr(decision, name) for name in names}


def _print_lines(decisions: list[Decision]) -> None:
    for decision in decisions:
        print(decision_line(decision))


def _print_json(value: Any) -> int:
    print(json.dumps(value, indent=2, sort_keys=True))
    return 0


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
