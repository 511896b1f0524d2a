"""What more hosts would bring: a simulation from a measured step and stated networks.

In: noise in the sizes of CIFAR-10 and ImageNet, ResNet-8 and MobileNetV2. Out: seconds
of a step on this machine and bytes of its gradients, both measured; then for 1 to 64
such hosts the examples per second, the efficiency, hours and host hours of an epoch,
and where more hosts stop paying. Needs the extra `jax`.
Run: make bench-hosts     (python -m benchmarks.hosts)

A step of n hosts is simulated as the compute time of one host's share of the batch, and
then a ring all-reduce of the gradients without overlap: 2 (n - 1) / n times their bytes
over the bandwidth, and 2 (n - 1) times the latency (Patarasuk, Yuan, Bandwidth Optimal
All-reduce Algorithms, 2009). The share of a host is the measured batch. More hosts pay
while their efficiency is at least one half.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.core.determinism import pins

COUNTS = (1, 2, 4, 8, 16, 32, 64)
# Name -> bytes per second and seconds of a message: Ethernet, and a fast network.
NETWORKS = {
    "1 Gbit/s, 100 us": (1e9 / 8, 100e-6),
    "10 Gbit/s, 50 us": (1e10 / 8, 50e-6),
    "100 Gbit/s, 5 us": (1e11 / 8, 5e-6),
}
FASTER = (1, 100)  # hosts: this machine, and one with an assumed accelerator
HALF = 0.5  # of the hosts' time is spent on computing: an epoch costs up to twice


@dataclass(frozen=True)
class Case:
    """A network and the size of its data.

    Args:
        title: for the table.
        builder: name of the builder, with its preset.
        shape: of an image.
        classes: number of classes.
        batch: examples of a host's share.
        steps: measured steps after the first.
        examples: training examples of the data set, for the time of an epoch.
    """

    title: str
    builder: str
    shape: tuple[int, int, int]
    classes: int
    batch: int
    steps: int
    examples: int


CASES = (
    Case(
        "ResNet-8, CIFAR-10 size (32x32)",
        "resnet:mlperf_tiny",
        (32, 32, 3),
        10,
        64,
        3,
        50_000,
    ),
    Case(
        "MobileNetV2, ImageNet size (224x224)",
        "mobilenet_v2:imagenet",
        (224, 224, 3),
        1000,
        8,
        2,
        1_281_167,
    ),
)


@dataclass(frozen=True)
class Step:
    """A measured step of one host.

    Args:
        seconds: of a step.
        batch: its examples.
        gradient: bytes that each host sends for a step.
    """

    seconds: float
    batch: int
    gradient: int

    def rate(self, hosts: int, bandwidth: float, latency: float) -> float:
        """Return the simulated examples per second.

        Args:
            hosts: number of hosts.
            bandwidth: bytes per second of a host's network.
            latency: seconds of a message.
        """
        ring = 2 * (hosts - 1)
        communication = ring / hosts * self.gradient / bandwidth + ring * latency
        return hosts * self.batch / (self.seconds + communication)


def last_that_pays(rates: Sequence[float]) -> int:
    """Return the largest number of hosts that are used for at least half.

    Args:
        rates: examples per second of `COUNTS` hosts.
    """
    useful = [n for n, rate in zip(COUNTS, rates) if rate >= HALF * n * rates[0]]
    return max(useful)


def table(case: Case, step: Step) -> list[str]:
    """Return the lines of a case.

    Args:
        case: its data.
        step: measured.
    """
    lines = [
        f"{case.title}: measured {step.seconds:.3f} s per step of {step.batch}, "
        f"gradients of {step.gradient / 1e6:.2f} MB"
    ]
    for factor in FASTER:
        host = replace(step, seconds=step.seconds / factor)
        title = "hosts like this one" if factor == 1 else f"hosts {factor} times faster"
        lines.append(f"  {title:38s}" + "".join(f"{n:>10d}" for n in COUNTS))
        for name, network in NETWORKS.items():
            rates = [host.rate(count, *network) for count in COUNTS]
            lines += [f"    {label}" for label in _rows(name, case, rates)]
    return lines


def _rows(name: str, case: Case, rates: Sequence[float]) -> list[str]:
    """Return the rows of one network: rate, efficiency, hours, host hours."""
    hours = [case.examples / rate / 3600 for rate in rates]
    efficiency = [rate / (n * rates[0]) for n, rate in zip(COUNTS, rates)]
    spent = [n * hour for n, hour in zip(COUNTS, hours)]
    last = f"pays up to {last_that_pays(rates)}"
    return [
        f"{name:18s}{'examples/s':>18s}" + "".join(f"{v:10,.0f}" for v in rates),
        f"{last:18s}{'efficiency':>18s}" + "".join(f"{v:10.2f}" for v in efficiency),
        f"{'':18s}{'epoch, hours':>18s}" + "".join(f"{v:10.4f}" for v in hours),
        f"{'':18s}{'epoch, host hours':>18s}" + "".join(f"{v:10.4f}" for v in spent),
    ]


def measure(case: Case) -> Step:
    """Train a few steps on JAX, as a host of one does.

    Args:
        case: network and sizes.
    """
    import numpy as np

    from pipeline.data.artifact import Split
    from pipeline.data.spec import TaskSpec
    from pipeline.models import registry
    from pipeline.training.context import FitData
    from pipeline.training.hosts.job import FitJob
    from pipeline.training.hosts.mesh import Mesh
    from pipeline.training.hosts.worker import run_of
    from pipeline.training.params import FitSettings

    rng = np.random.default_rng(1)
    names = tuple(map(str, range(case.classes)))
    spec = TaskSpec("x", "x:x", case.shape, "uint8", names, scale=1 / 255)
    count = case.batch * (case.steps + 1)
    x = rng.integers(0, 256, (count, *case.shape), np.uint8)
    split = Split(x, rng.integers(0, case.classes, count))
    few = Split(split.x[: case.batch], split.y[: case.batch])
    model = registry.build(case.builder, {}, spec, 1)
    settings = FitSettings(epochs=1, batch_size=case.batch, learning_rate=1e-4)
    speed: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        job = FitJob(Path(folder), FitData(spec, split, few), settings, 1)
        run_of(job, Mesh(), model, speed).run()
    gradient = 4 * sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    return Step(case.batch / speed["examples_per_second"], case.batch, gradient)


def main() -> int:
    """Print a table per case."""
    os.environ.update({**pins(2, "native"), "KERAS_BACKEND": "jax"})
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    for case in CASES:
        print("\n".join(table(case, measure(case))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
