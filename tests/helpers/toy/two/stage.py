"""Repeat the text of stage `one`."""

import time


def run(params, inputs, out):
    """Write text.txt, and the time into a file that is declared volatile."""
    text = (inputs["one"] / "text.txt").read_text()
    (out / "text.txt").write_text(text * params.times)
    print("a line for the log")
    (out / "clock.txt").write_text(str(time.time()))
    return {"headline": f"{params.times} times"}
