"""Repeats the text of stage one."""

import time


def run(params, inputs, out):
    """Write text.txt, and a file with the time, which is declared volatile."""
    text = (inputs["one"] / "text.txt").read_text()
    (out / "text.txt").write_text(text * params.times)
    print("a line for the log")
    (out / "clock.txt").write_text(str(time.time()))
    return {"headline": f"{params.times} times"}
