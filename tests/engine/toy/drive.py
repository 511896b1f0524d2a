"""Runs the toy chain in a process that a test can kill: FOLDER ONE TWO."""

import ast
import sys
from pathlib import Path

from pipeline.engine.import_closure import CodeReader
from pipeline.core.errors import UserError
from pipeline.engine.runner import Runner
from pipeline.engine.stage import Job, Stage
from pipeline.engine.terminal import Terminal
from toy.params import OneParams, TwoParams

folder, one, two = Path(sys.argv[1]), *map(ast.literal_eval, sys.argv[2:])
chain = (
    Stage("one", (), OneParams, package="toy"),
    Stage("two", ("one",), TwoParams, {"clock.txt": "the time"}, package="toy"),
)
settings = {"seed": 1, "threads": 1, "portability": "native"}
params = {"one": OneParams(**one), "two": TwoParams(**two)}
code = CodeReader(folder.parent.parent)
try:
    job = Job(folder, chain, params, settings)
    Runner(job, code, Terminal()).bring_up_to_date(("two",))
except UserError as error:
    sys.exit(str(error))
