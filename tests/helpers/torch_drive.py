"""Answer many requests to the exporter in one process, which has PyTorch.

In: a folder. Out: for each network of torch_nets, `NAME.onnx` and `NAME.npz` with
inputs and outputs; files of weights and programs, good and bad; and `answers.json`,
name -> the answer of the exporter.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "pipeline/compress/import_model/pytorch"), str(ROOT)]

import exporter  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from tests.helpers import torch_nets  # noqa: E402

CODE = ROOT / "tests/helpers/torch_nets.py"


def ask(folder: Path, name: str, source: str, **others: object) -> dict[str, object]:
    """The exporter's answer."""
    request = {"source": source, "shape": [], "weights": None, "trust": False}
    request |= {"target": str(folder / f"{name}.onnx"), **others}
    (folder / "request.json").write_text(json.dumps(request))
    exporter.main(folder / "request.json")
    return json.loads((folder / exporter.ANSWER).read_text())


def write_golden(folder: Path, name: str) -> None:
    """Three examples and PyTorch's own outputs."""
    shape = (3, *torch_nets.NETS[name][1])
    rng = np.random.default_rng(1)
    tokens = name in ("encoder", "prenorm")
    x = rng.integers(0, 20, shape) if tokens else rng.normal(size=shape)
    x = x if tokens else x.astype(np.float32)
    with torch.no_grad():
        y = torch_nets.trained(name)(torch.from_numpy(x)).numpy()
    np.savez(folder / f"{name}.npz", x=x, y=y)


def write_safetensors(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """A file of float32 and int64 tensors, as the library safetensors writes it."""
    header, blobs, end = {}, [], 0
    for name, tensor in tensors.items():
        blob = tensor.numpy().tobytes()
        kind = {"float32": "F32", "int64": "I64"}[str(tensor.numpy().dtype)]
        place = [end, end := end + len(blob)]
        header[name] = {"dtype": kind, "shape": [*tensor.shape], "data_offsets": place}
        blobs.append(blob)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.folder),)


def write_weights(folder: Path) -> None:
    """The weights of the network `vgg`, stored in several ways."""
    state = torch_nets.trained("vgg").state_dict()
    torch.save(state, folder / "good.pt")
    torch.save({"epoch": 3, "state_dict": state}, folder / "checkpoint.pth")
    torch.save({f"module.{k}": v for k, v in state.items()}, folder / "parallel.pt")
    write_safetensors(folder / "good.safetensors", state)
    short = {k: v for k, v in state.items() if k != "0.weight"} | {
        "9.w": state["0.bias"]
    }
    torch.save(short | {"9.weight": torch.zeros(3, 2)}, folder / "other.pt")
    torch.save({**state, "x": Evil(folder / "evil")}, folder / "code.pt")
    (folder / "broken.safetensors").write_bytes(b"not a file")
    program = torch.export.export(torch_nets.trained("vgg"), (torch.zeros(1, 3, 8, 8),))
    torch.export.save(program, folder / "vgg_program.pt2")
    (folder / "broken.pt2").write_bytes(b"PK")
    shutil.copy(folder / "vgg_program.pt2", folder / "code.pt2")
    with zipfile.ZipFile(folder / "code.pt2", "a") as archive:
        archive.writestr("vgg_program/data/constants/opaque_obj_0", b"")


def main(folder: Path) -> None:
    """Write everything."""
    answers = {}
    for name, (_, shape) in torch_nets.NETS.items():
        write_golden(folder, name)
        answers[name] = ask(folder, name, f"{CODE}:build_{name}", shape=shape)
    write_weights(folder)
    for path in sorted([*folder.glob("*.pt*"), *folder.glob("*.safetensors")]):
        if path.suffix == ".pt2":
            answers[path.name] = ask(folder, path.stem, str(path))
            continue
        given = {"shape": [3, 8, 8], "weights": str(path)}
        answers[path.name] = ask(folder, path.stem, f"{CODE}:vgg", **given)
    assert not (folder / "evil").exists()
    bad = ROOT / "tests/helpers/torch_bad.py"
    for name in ("absent", "raises", "number", "pair", "random", "scalar", "training"):
        answers[name] = ask(folder, f"bad_{name}", f"{bad}:{name}", shape=[4])
    answers["steps_first"] = ask(folder, "steps", f"{bad}:StepsFirst", shape=[5, 4])
    answers["wide"] = ask(folder, "wide", f"{bad}:training", shape=[5])
    answers["module"] = ask(folder, "module", "no_such.module:build", shape=[4])
    (folder / "answers.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
