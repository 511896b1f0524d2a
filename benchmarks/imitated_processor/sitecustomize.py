"""Imported by Python at its start: makes this process compute as another processor.

The pipeline removes such variables from a stage's environment and pins others, so they
are set again here, and the process starts anew: libraries read some when it is loaded.
Cache sizes are written into the libraries, before a pin of the pipeline is.
"""

import json
import os
import sys

variables = json.loads(os.environ.get("IMITATED_PROCESSOR", "{}"))
if any(os.environ.get(name) != value for name, value in variables.items()):
    os.environ.update(variables)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
if "IMITATED_CACHES" in variables:
    from pipeline.core.cache_sizes import install

    install(variables["IMITATED_CACHES"])
