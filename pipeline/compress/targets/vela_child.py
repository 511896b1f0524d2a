"""Compile a file for Ethos-U with Vela: the program of a child process.

    python vela_child.py FILE ACCELERATOR FOLDER

In: a .tflite file and the accelerator. Out: FOLDER/STEM_vela.tflite and a CSV file of
one row. Imports nothing of the pipeline.
"""

from __future__ import annotations

import sys

from ethosu.vela import vela

if __name__ == "__main__":
    FILE, ACCELERATOR, FOLDER = sys.argv[1:]
    OPTIONS = ["--accelerator-config", ACCELERATOR, "--output-dir", FOLDER]
    sys.exit(vela.main([FILE, *OPTIONS]))
