"""Write a text; fail in the middle on request."""

import os
import signal
import time
from pathlib import Path

from toy.helper import shout

from pipeline.core.errors import StageFailed, UserError


def run(params, inputs, out):
    """Write text.txt in two steps."""
    print("a library says something")
    inputs.progress("half 1/2", done=1, total=2)
    (out / "text.txt").write_text("half")
    TROUBLES[params.trouble](out)
    if params.trouble == "scratch":
        _die_once(inputs.scratch)
    (out / "text.txt").write_text(shout(params.text))
    inputs.volatile["speed"] = time.time()
    return {"headline": f"{len(params.text)} letters", "letters": len(params.text)}


def _sleep(out):
    (out.parent / "pid").write_text(str(os.getpid()))
    (out.parent / "asleep").touch()
    time.sleep(60)


def _edit(out):
    path = Path(__file__).parent.parent / "helper.py"
    path.write_text(path.read_text() + "EDITED = True\n")


def _source(out):
    (out.parent / "input.csv").write_text("other rows")


def _user(out):
    raise UserError("one.text: received nonsense; give it sense")


def _failed(out):
    raise StageFailed("the loss became nan")


def _surprise(out):
    raise KeyError("surprise")


def _kill(out):
    os.kill(os.getpid(), signal.SIGKILL)


def _die_once(scratch):
    """Write a note and die, unless an earlier run wrote it."""
    if not (scratch / "note.txt").exists():
        (scratch / "note.txt").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


def _full(out):
    (out.parent / "small" / "big.bin").write_bytes(bytes(1 << 21))


TROUBLES = {
    "": lambda out: None,
    "sleep": _sleep,
    "edit": _edit,
    "source": _source,
    "user": _user,
    "failed": _failed,
    "surprise": _surprise,
    "kill": _kill,
    "full": _full,
    "scratch": lambda out: None,
}
