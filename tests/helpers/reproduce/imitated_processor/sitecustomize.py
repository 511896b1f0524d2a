"""Imported by Python at its start: variables that make this process compute otherwise.

The pipeline removes such variables from a stage's environment and pins others, so they
are set again here, and the process starts anew: libraries read some when it is loaded.
"""

import json
import os
import sys

variables = json.loads(os.environ.get("IMITATED_PROCESSOR", "{}"))
if any(os.environ.get(name) != value for name, value in variables.items()):
    os.environ.update(variables)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
