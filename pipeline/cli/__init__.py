"""The command line: a module per command in `commands`, shared options in `parser`."""
