"""The compress stage with its variants in processes that begin in different ways.

    python -m tests.helpers.compress_pools_drive FOLDERS OUT fork spawn ray

FOLDERS has the published folders of data, augment, train and distill. Prints, as JSON,
the hashes of what each way published, and of the second of two runs of the last way in
the same working folder; and when the results of both of these were written. Ray is a
cluster on this machine. This process runs no TensorFlow operation.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pipeline.compress import search, stage
from pipeline.compress.params import CompressParams
from pipeline.core.hashing import hash_folder
from pipeline.engine.stage import Inputs

# A student imitates its teacher while it is fine-tuned: all that a task can need.
SETTINGS = {"recipes": ["prune(0.5)"], "sources": ["student"], "epochs": 1}


def published(
    folders: Path, out: Path, scratch: Path, **where: Any
) -> dict[str, dict[str, Any]]:
    """Hashes of what the stage publishes, and when each result was written."""
    out.mkdir()
    names = ("data", "augment", "train", "distill")
    inputs = Inputs({name: folders / name for name in names}, 5, scratch=scratch)
    stage.run(CompressParams(**SETTINGS, **where), inputs, out)
    written = {p.parent.name: p.stat().st_mtime_ns for p in scratch.glob("*/*.json")}
    return {"files": hash_folder(out), "written": written}


def cluster() -> dict[str, Any]:
    """Two workers of Ray, which end with this process; where they are."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    return {"engine": "ray", "address": made.address}


def main(folders: Path, out: Path, ways: list[str]) -> None:
    found = {}
    for way in ways:
        where = cluster() if way == "ray" else {}
        search.start_method = lambda way=way: way
        scratch = out / f"{way}-scratch"
        found[way] = published(folders, out / way, scratch, **where)
    found["again"] = published(folders, out / "again", scratch, **where)
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
