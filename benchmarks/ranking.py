"""A ranking trained by a plain Keras script, against the train stage.

In: a finished data stage of an experiment of a ranking. Out: NDCG@10 of its test split
after each tenth of the processor time, of the same network, trained by `train_on_batch`
with Adam and cross-entropy over all items.
Run: make bench-ranking EXP=ranking
(python -m benchmarks.ranking --exp ranking --cpu-seconds 60)
"""

from __future__ import annotations

import numpy as np

from benchmarks.plain_script import read_task, train_on_batches


def main() -> None:
    """Train for the given time, and print NDCG@10 along the way."""
    task = read_task(__doc__, "ranking", 60.0)
    split = task.data.train()
    x, y = np.asarray(split.x, np.int32), np.asarray(split.y)[:, 0]
    train_on_batches(task, x, y, "NDCG@10 {:.3f}")


if __name__ == "__main__":
    main()
