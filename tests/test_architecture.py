"""The rules that hold the house up."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pipeline.experiment.schema import Experiment
from pipeline.experiment.stages import CHAIN
from pipeline.engine.import_closure import CodeReader, parse
from pipeline.tasks import registry
from pipeline.tasks.task import PARTS

ROOT = Path(__file__).parent.parent
# Libraries first, then the stages in the order of the chain. models and training have
# no stage: tune, train, distill and compress build on them.
ROOMS = "data augment models training inference tune train distill compress evaluate report".split()
JOB = Experiment.model_validate({"data": {"source": "sklearn:digits"}}).job(ROOT)
MODULES = [
    path.relative_to(ROOT).with_suffix("").parts
    for path in sorted((ROOT / "pipeline").rglob("*.py"))
]


def imports(module: tuple[str, ...]) -> tuple[str, ...]:
    path = ROOT.joinpath(*module).with_suffix(".py")
    package = ".".join(module[:-1])
    return parse(path.read_bytes(), package, str(path)).imports


def rooms_of(names: tuple[str, ...]) -> set[str]:
    parts = [name.split(".") for name in names if name.startswith("pipeline.")]
    return {part[1] for part in parts} & set(ROOMS)


def test_the_list_of_rooms_is_complete():
    folders = {path.name for path in (ROOT / "pipeline").iterdir() if path.is_dir()}
    others = {"core", "engine", "experiment", "metrics", "reproduce", "tasks", "tracking"}
    assert folders - {"__pycache__"} == {*ROOMS, *others}


@pytest.mark.parametrize("module", [m for m in MODULES if m[1] in ("core", "engine")])
def test_the_engine_imports_no_room(module):
    assert not rooms_of(imports(module))


@pytest.mark.parametrize("module", [m for m in MODULES if m[1] in ROOMS], ids=".".join)
def test_a_room_imports_only_rooms_before_it_and_no_other_stage(module):
    before = set(ROOMS[: ROOMS.index(module[1]) + 1])
    names = imports(module)
    assert rooms_of(names) <= before
    assert not {f"pipeline.{room}.stage" for room in ROOMS} & set(names)


@pytest.mark.parametrize("module", MODULES, ids=".".join)
def test_tf_keras_and_tfmot_are_known_to_one_folder(module):
    tops = {name.partition(".")[0] for name in imports(module)}
    if module[1:3] != ("compress", "tfmot"):
        assert not tops & {"tf_keras", "tensorflow_model_optimization"}


@pytest.mark.parametrize("module", [m for m in MODULES if m[1] in ("engine", *ROOMS)])
def test_no_stage_and_no_engine_knows_of_the_proof_or_of_tracking(module):
    names = ("pipeline.reproduce", "pipeline.tracking")
    assert not [n for n in imports(module) if n.startswith(names)]


# What tasks build on, which is no room: all other imports go from rooms to tasks.
BELOW = ("base_path", "errors", "json_io")


@pytest.mark.parametrize("module", [m for m in MODULES if m[1] in ("metrics", "tasks")])
def test_tasks_and_metrics_lie_below_the_rooms(module):
    allowed = ["pipeline.metrics", *(f"pipeline.core.{name}" for name in BELOW)]
    allowed += ["pipeline.tasks"] if module[1] == "tasks" else []
    own = [name for name in imports(module) if name.startswith("pipeline.")]
    packages = {"pipeline.core"}  # on the way to their modules
    assert not [n for n in own if not n.startswith((*allowed,)) and n not in packages]


@pytest.mark.parametrize("module", [m for m in MODULES if m[1] != "tasks"])
def test_no_module_outside_tasks_names_one(module):
    tree = ast.parse(ROOT.joinpath(*module).with_suffix(".py").read_bytes())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert not texts & {*registry.TASKS, *registry.MODEL_TASKS, *registry.RENAMED}


@pytest.mark.parametrize("task", registry.TASKS)
@pytest.mark.parametrize("stage", CHAIN, ids=lambda stage: stage.name)
def test_a_stage_depends_on_the_parts_of_its_own_task_alone(stage, task):
    data = {"source": "csv:a.csv", "task": task}
    data |= {"normal": ["a"]} if registry.get(task).normal_classes else {}
    job = Experiment.model_validate({"data": data}).job(ROOT)
    found = CodeReader(ROOT).closure(job.modules(stage))
    names = [name.split(".") for name in found if name.startswith("pipeline.tasks.")]
    parts = {name[3] for name in names if name[2:3] == [task] and len(name) == 4}
    others = {name[2] for name in names if name[2] in registry.TASKS} - {task}
    assert not others
    asked = {*registry.STAGE_PARTS.get(stage.name, ())}
    assert asked <= parts
    assert not ({*PARTS} - asked - {"metric"}) & parts


PLANNING = "plan import_closure fingerprint stage_record run_record publish".split()


@pytest.mark.parametrize("stage", CHAIN, ids=lambda stage: stage.name)
def test_no_stage_depends_on_how_stages_are_planned_and_published(stage):
    """Or an edit of the planner would make every experiment stale."""
    found = set(CodeReader(ROOT).closure(JOB.modules(stage)))
    if "pipeline.training.checkpoint" in found:  # forces files to disk, as publish does
        found -= {"pipeline.engine.publish"}
    assert not {f"pipeline.engine.{name}" for name in PLANNING} & found


def test_only_evaluate_can_read_the_test_split():
    code = CodeReader(ROOT)
    readers = {
        stage.name
        for stage in CHAIN
        if "pipeline.data.test_split" in code.closure(JOB.modules(stage))
    }
    assert readers == {"evaluate"}


def test_two_modules_can_read_any_split():
    readers = {
        module[-1]
        for module in MODULES
        if any(name.startswith("pipeline.data.arrays") for name in imports(module))
    }
    assert readers == {"artifact", "test_split"}


@pytest.mark.parametrize(
    "module",
    [
        "cli.commands.reference",
        "cli.parser",
        "experiment.loader",
        "experiment.session",
        "results.summary",
    ],
)
def test_the_command_line_reaches_no_heavy_library(module):
    libraries = CodeReader(ROOT).libraries([f"pipeline.{module}"])
    # Imported by single commands: h5py and ai_edge_litert open files that differ,
    # jinja2 renders pages; the models of `show model` and files of `predict`.
    late = {"h5py", "ai_edge_litert", "jinja2"}
    light = {"python", "pydantic", "pydantic_core", "PyYAML", "numpy"}
    assert set(libraries) <= light | late


@pytest.mark.parametrize("name", ["tune", "train", "distill"])
def test_what_builds_a_model_depends_on_its_builder(name):
    assert "pipeline.models.cnn" in JOB.modules(JOB.stage(name))
