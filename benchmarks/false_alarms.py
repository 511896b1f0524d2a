"""Verdicts of `reproduce` over seeds and imitated processors: no alarm may be false.

Per seed the chain of experiments/smoke, with a shorter search and fewer fits, is run
once plainly, which stands for the lock, and once per setting. A run is a false alarm
unless it is within tolerance; a control (another seed, example, line of code or
library) is missed unless it is NOT reproduced.

In: nothing. Out: a row per setting: runs with other bits, false alarms and missed
controls; exit code 1 if there are any of the last two.
Run: make bench-false-alarms
     python -m benchmarks.false_alarms [STAGE [SEEDS]]   default: report, 4
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from benchmarks import processors
from benchmarks.warm_stages import warm_stages
from pipeline.core.determinism import pins
from pipeline.experiment.session import load_experiment
from pipeline.experiment.stages import STAGES
from pipeline.reproduce.comparison_result import compare
from pipeline.reproduce.lock_file import read_lock
from pipeline.reproduce.snapshot import of_run

SMOKE = processors.ROOT / "experiments" / "smoke"
# oneDNN is off by default on some processors, on by default on others.
SETTINGS = {
    name: variables
    for name, variables in processors.SETTINGS.items()
    if name not in ("oneDNN off", "large caches")
}
EXCUSED = ("code", "library")  # other code that computes equal bits does reproduce
SMALL = {
    "tune": {"trials": 1, "epochs": 1},
    "distill": {"replicates": 1},
    "evaluate": {"resamples": 100},
}


def main(stage: str = "report", seeds: str = "4") -> int:
    """Print the table.

    Args:
        stage: the last stage of the chain that is run.
        seeds: number of seeds.

    Returns:
        The exit code.
    """
    numbers = range(1, int(seeds) + 1)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        plain = chains(root / "plain", numbers, stage, {})
        rows = {}
        for name, variables in SETTINGS.items():
            folders = chains(root / name.replace(" ", "-"), numbers, stage, variables)
            pairs = zip(plain, folders, strict=True)
            counts = [verdicts(before, after, name) for before, after in pairs]
            rows[name] = {key: sum(row[key] for row in counts) for key in counts[0]}
    print_table(rows, len(numbers))
    return int(any(row["alarms"] or row["missed"] for row in rows.values()))


def chains(
    root: Path, seeds: Iterable[int], stage: str, variables: dict[str, str]
) -> list[Path]:
    """Run the chain with every seed under one setting.

    Returns:
        A folder per seed.
    """
    begin = time.monotonic()
    folders = [root / str(seed) / "smoke" for seed in seeds]
    for folder in folders:
        folder.mkdir(parents=True)
        shutil.copyfile(SMOKE / "experiment.yaml", folder / "experiment.yaml")
    call = ["-m", "benchmarks.false_alarms", "run", stage, *map(str, folders)]
    processors.run_python(call, chain_variables(variables))
    print(f"{root.name:<26}{time.monotonic() - begin:6.0f} s", flush=True)
    return folders


def chain_variables(setting: dict[str, str]) -> dict[str, str]:
    """Return the variables of the process that runs chains: pins, and a setting."""
    return {**pins(1, "native"), **setting}


def run(stage: str, *folders: str) -> int:
    """Run the chain in each folder, whose parent names the seed."""
    with warm_stages():
        for folder in folders:
            overrides = {**SMALL, "seed": int(Path(folder).parent.name)}
            load_experiment(folder, **overrides).run(stage)
    return 0


def verdicts(plain: Path, folder: Path, name: str) -> dict[str, int]:
    """Count for one run: other bits, false alarms, missed controls."""
    run = of_run(folder, STAGES)
    tolerance = read_lock(SMOKE / "experiment.lock")[0].tolerance
    lock = replace(of_run(plain, STAGES), tolerance=tolerance)
    lock = processors.of_another_processor(lock, run)
    text = processors.conclusion(lock, run)
    alarm = not text.startswith(("within tolerance", "reproduced bit for bit"))
    equal = text.startswith("reproduced bit for bit")
    missed = [
        control
        for control, other in processors.controls(run, folder).items()
        if not (equal and control in EXCUSED)
        and not processors.conclusion(lock, other).startswith("NOT reproduced")
    ]
    if alarm:
        print(f"  {name}: {text}: {compare(lock, run).metrics.exceeded}", flush=True)
    if missed:
        print(f"  {name}: not noticed: {', '.join(missed)}", flush=True)
    return {"bits": int(not equal), "alarms": int(alarm), "missed": len(missed)}


def print_table(rows: dict[str, dict[str, int]], seeds: int) -> None:
    """Print a row per setting, and the sum."""
    total = {key: sum(row[key] for row in rows.values()) for key in rows["two threads"]}
    titles = f"{'other bits':>12}{'false alarms':>14}{'missed controls':>17}"
    print(f"{'setting':<26}{'runs':>6}{titles}")
    for name, row in {**rows, "all": total}.items():
        runs = seeds * (len(rows) if name == "all" else 1)
        counts = f"{row['bits']:>12}{row['alarms']:>14}{row['missed']:>17}"
        print(f"{name:<26}{runs:>6}{counts}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        sys.exit(run(*sys.argv[2:]))
    sys.exit(main(*sys.argv[1:]))
