"""The rules of the layout: which package imports which, and what the CLI reaches."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache

import pytest

from pipeline.engine.import_closure import CodeReader, parse
from pipeline.experiment.schema import Experiment
from pipeline.experiment.stages import CHAIN
from pipeline.tasks import registry
from pipeline.tasks.task import PARTS
from tests.helpers.project import ROOT

# Lowest first: a package imports itself and what stands before it.
LAYERS = [
    "core",
    "metrics",
    "tasks",
    "engine",
    "data",
    "augment",
    "models",
    "training",
    "inference",
    "tune",
    "train",
    "distill",
    "compress",
    "evaluate",
    "report",
    "tracking",
    "reproduce",
    "results",
    "experiment",
    "cli",
]
# Packages of the chain, in its order: none imports the stage module of another.
ROOMS = [
    "data",
    "augment",
    "models",
    "training",
    "tune",
    "train",
    "distill",
    "compress",
    "evaluate",
    "report",
]
JOB = Experiment.model_validate({"data": {"source": "sklearn:digits"}}).job(ROOT)
MODULES = [
    path.relative_to(ROOT).with_suffix("").parts
    for path in sorted((ROOT / "pipeline").rglob("*.py"))
]

CODE = CodeReader(ROOT)


@cache
def imports(module: tuple[str, ...]) -> tuple[str, ...]:
    path = ROOT.joinpath(*module).with_suffix(".py")
    package = ".".join(module[:-1])
    return parse(path.read_bytes(), package, str(path)).imports


def packages_of(names: tuple[str, ...]) -> set[str]:
    parts = [name.split(".") for name in names if name.startswith("pipeline.")]
    return {part[1] for part in parts} & set(LAYERS)


def modules_in(*packages: str) -> list[tuple[str, ...]]:
    return [module for module in MODULES if module[1] in packages]


def test_every_package_has_a_layer():
    folders = {path.name for path in (ROOT / "pipeline").iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == set(LAYERS)


def test_no_loose_module_at_the_top():
    assert {module[1] for module in MODULES if len(module) == 2} == {
        "__init__",
        "__main__",
    }


@pytest.mark.parametrize("module", modules_in(*LAYERS), ids=".".join)
def test_a_module_imports_only_layers_before_its_own(module):
    allowed = set(LAYERS[: LAYERS.index(module[1]) + 1])
    assert packages_of(imports(module)) <= allowed


@pytest.mark.parametrize("module", modules_in(*ROOMS), ids=".".join)
def test_no_package_imports_the_stage_of_another(module):
    stages = {f"pipeline.{room}.stage" for room in ROOMS}
    assert not stages & set(imports(module))


def test_the_import_graph_has_no_circle():
    graph = {}
    names = {".".join(m).removesuffix(".__init__"): m for m in MODULES}
    for name, module in names.items():
        graph[name] = {n for n in imports(module) if n in names and n != name}
        # `from package import module` names the package as well: only a use of it
        # counts.
        graph[name] -= {n for n in graph[name] if name.startswith(f"{n}.")}
        graph[name] -= {
            n
            for n in graph[name]
            if any(other.startswith(f"{n}.") for other in graph[name])
        }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("module", MODULES, ids=".".join)
def test_tf_keras_and_tfmot_are_known_to_one_folder(module):
    tops = {name.partition(".")[0] for name in imports(module)}
    if module[1:3] != ("compress", "tfmot"):
        assert not tops & {"tf_keras", "tensorflow_model_optimization"}


# Modules of core that tasks build on.
BELOW = ("base_path", "errors", "json_io", "user_modules")


@pytest.mark.parametrize("module", [m for m in MODULES if m[1] in ("metrics", "tasks")])
def test_tasks_and_metrics_import_little(module):
    allowed = ["pipeline.metrics", *(f"pipeline.core.{name}" for name in BELOW)]
    allowed += ["pipeline.tasks"] if module[1] == "tasks" else []
    own = [name for name in imports(module) if name.startswith("pipeline.")]
    packages = {"pipeline.core"}  # on the way to their modules
    assert not [n for n in own if not n.startswith((*allowed,)) and n not in packages]


# Modules that read or name the key `augment.policy`, which is also the name of a task.
AUGMENTATION = {
    ("pipeline", "augment", "params"),
    ("pipeline", "augment", "artifact"),
    ("pipeline", "experiment", "builder_rules"),
    ("pipeline", "training", "hosts", "job"),
}


def names_of_layers(tree: ast.AST) -> set[str]:
    """Texts that only name layers and hyperparameters, one of which is `embedding`."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    declared = [c.args[0] for c in calls if c.args and is_of(c.func, "hp")]
    named = [k.value for c in calls for k in c.keywords if k.arg == "name"]
    free = [n for n in (*declared, *named) if isinstance(n, ast.Constant)]
    others = [n for n in ast.walk(tree) if isinstance(n, ast.Constant)]
    elsewhere = {node.value for node in others if node not in free}
    return {node.value for node in free} - elsewhere


def is_of(function: ast.expr, name: str) -> bool:
    owner = getattr(function, "value", None)
    return isinstance(owner, ast.Name) and owner.id == name


@pytest.mark.parametrize("module", [m for m in MODULES if m[1] != "tasks"])
def test_no_module_outside_tasks_names_one(module):
    tree = ast.parse(ROOT.joinpath(*module).with_suffix(".py").read_bytes())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    texts -= names_of_layers(tree) if module[1] == "models" else set()
    if module in AUGMENTATION:
        texts -= {"policy"}  # the key of augment
    assert not texts & {*registry.TASKS, *registry.RENAMED}


@pytest.mark.parametrize("task", registry.TASKS)
@pytest.mark.parametrize("stage", CHAIN, ids=lambda stage: stage.name)
def test_a_stage_depends_on_the_parts_of_its_own_task_alone(stage, task):
    data = {"source": "csv:a.csv", "task": task}
    data |= {"normal": ["a"]} if registry.get(task).normal_classes else {}
    data |= {"source": "gym:a"} if registry.get(task).interactive else {}
    job = Experiment.model_validate({"data": data}).job(ROOT)
    found = CODE.closure(job.modules(stage))
    names = [name.split(".") for name in found if name.startswith("pipeline.tasks.")]
    parts = {name[3] for name in names if name[2:3] == [task] and len(name) == 4}
    others = {name[2] for name in names if name[2] in registry.TASKS} - {task}
    assert not others
    asked = {*registry.STAGE_PARTS.get(stage.name, ())} & {*registry.get(task).parts}
    assert asked <= parts
    assert not ({*PARTS} - asked - {"metric"}) & parts


PLANNING = [
    "plan",
    "import_closure",
    "fingerprint",
    "stage_record",
    "run_record",
    "publish",
]


@pytest.mark.parametrize("stage", CHAIN, ids=lambda stage: stage.name)
def test_no_stage_depends_on_how_stages_are_planned_and_published(stage):
    """Or an edit of the planner would make every experiment stale."""
    closure = set(CODE.closure(JOB.modules(stage)))
    if "pipeline.training.checkpoint" in closure:  # it flushes a file as publish does
        closure -= {"pipeline.engine.publish"}
    assert not {f"pipeline.engine.{name}" for name in PLANNING} & closure


def test_only_evaluate_can_read_the_test_split():
    readers = {
        stage.name
        for stage in CHAIN
        if "pipeline.data.test_split" in CODE.closure(JOB.modules(stage))
    }
    assert readers == {"evaluate"}


def test_two_modules_can_read_any_split():
    readers = {
        module[-1]
        for module in MODULES
        if any(name.startswith("pipeline.data.arrays") for name in imports(module))
    }
    assert readers == {"artifact", "test_split"}


HEAVY = ("tensorflow", "keras", "tf_keras", "ai_edge_litert")
HEAVY += ("matplotlib", "sklearn", "scipy", "numpy")


def test_the_command_line_imports_no_tensorflow():
    """All that `--help`, `status` and `stale` import, in a process of its own."""
    modules = ["pipeline", "pipeline.cli.main", "pipeline.experiment.session"]
    modules += [f"pipeline.tasks.{name}.task" for name in registry.TASKS]
    program = (
        f"import importlib, sys\nfor name in {modules}: importlib.import_module(name)\n"
        f"from pipeline.cli.main import build_parser; build_parser()\n"
        f"print(*sorted(set({HEAVY}) & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", ["tune", "train", "distill"])
def test_what_builds_a_model_depends_on_its_builder(name):
    assert "pipeline.models.cnn" in JOB.modules(JOB.stage(name))


def test_a_command_imports_no_other_command():
    """The imports are most of the time of `status`."""
    program = (
        "import sys\nfrom pipeline.cli.main import main\n"
        "main(['status', '--exp', 'smoke'])\n"
        "names = ('pipeline.cli.commands.', 'pipeline.results.')\n"
        "print(*sorted(name for name in sys.modules if name.startswith(names)))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "pipeline.cli.commands.status"
