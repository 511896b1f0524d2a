"""Commands: each module has `HELP`, `add_arguments(parser)` and `run(arguments)`.

`run` returns the exit code. Modules that import numeric libraries are imported inside
`run`, so that `--help` and `status` stay fast.
"""
