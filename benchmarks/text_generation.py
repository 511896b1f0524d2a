"""A text model trained by a plain Keras script, against the train stage.

In: a finished data stage of an experiment of text generation. Out: bits per character
of its test split after each tenth of the processor time, of the same network, trained
by `train_on_batch` with Adam and cross-entropy, the loss of padding included.
Run: make bench-text-generation
(python -m benchmarks.text_generation --exp text_generation --cpu-seconds 300)
"""

from __future__ import annotations

import numpy as np

from benchmarks.plain_script import read_task, train_on_batches


def main() -> None:
    """Train for the given time, and print bits per character along the way."""
    task = read_task(__doc__, "text_generation", 300.0)
    x = np.asarray(task.data.train().x, np.int32)
    y = np.pad(x[:, 1:], ((0, 0), (0, 1)))
    train_on_batches(task, x, y, "{:.3f} bits per character")


if __name__ == "__main__":
    main()
