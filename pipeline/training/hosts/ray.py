"""Hosts as actors of a Ray cluster, one on each machine.

    ray start --head                     on one machine; it prints an address
    ray start --address=HOST:6379        on each of the others

Every machine needs the same checkout and libraries, and the folder of the experiment
and of its data at the same path. In: the folder of a job. Out: running actors, and how
they ended.
"""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path
from typing import Any

from pipeline.core.errors import StageFailed, UserError
from pipeline.core.wording import quantity
from pipeline.engine.workers.ray import connect
from pipeline.training.hosts.local import environment, free_port

MAX_REASON = 160  # characters of a reason
SETTLING = 10.0  # seconds until Ray lists a machine that is gone as such
# Variables of the process of an actor; its machine has the others.
PASSED = ("KERAS_BACKEND", "PYTHONPATH", "TF_", "OMP_", "OPENBLAS_", "PIPELINE_")


class Host:
    """One machine of a fit; runs in a process where Keras is on JAX."""

    def address(self) -> str:
        """Return an address of this machine that nobody listens on, HOST:PORT."""
        ip = importlib.import_module("ray").util.get_node_ip_address()
        return f"{ip}:{free_port(ip)}"

    def work(self, folder: str, rank: int, count: int, address: str) -> None:
        """Take part in a fit, see `pipeline.training.hosts.worker.work`.

        Args:
            folder: of the job.
            rank: number of this host, from 0.
            count: number of hosts.
            address: HOST:PORT of the first one.
        """
        from pipeline.training.hosts.worker import work

        work(Path(folder), rank, count, address)


class RayHosts:
    """The machines of a Ray cluster that have a free processor.

    Args:
        folder: of the job.
        address: HOST:PORT of the head.
        batch_size: examples per step, a multiple of the number of hosts.
        lost: `fewer` to go on when a machine is gone, or `stop`.

    Raises:
        UserError: when Ray is not installed, no cluster answers, or the batch cannot
            be divided.
    """

    def __init__(self, folder: Path, address: str, batch_size: int, lost: str):
        self.folder, self.batch_size, self.lost = folder, batch_size, lost
        self.ray = connect(1, address)
        self.nodes = self._alive()
        self.count = len(self.nodes)
        if not self.count or batch_size % self.count:
            raise UserError(
                f"train.hosts {address}: the cluster has {quantity(self.count, 'host')}"
                f" that share each batch, and train.batch_size is {batch_size}; set a "
                "multiple of the number of hosts"
            )
        self.actors: list[Any] = []
        self.running: list[Any] = []

    def start(self) -> None:
        """Start an actor on each machine."""
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        strategy = strategies.NodeAffinitySchedulingStrategy
        kind = self.ray.remote(Host)
        variables = {
            name: value
            for name, value in {**os.environ, **environment()}.items()
            if name.startswith(PASSED)
        }
        self.actors = [
            kind.options(
                num_cpus=1,
                max_restarts=0,
                scheduling_strategy=strategy(node, soft=False),
                runtime_env={"env_vars": variables},
            ).remote()
            for node in self.nodes
        ]
        self.running = []
        try:
            address = self.ray.get(self.actors[0].address.remote())
        except self.ray.exceptions.RayError:
            return  # `endings` has the reason
        self.running = [
            actor.work.remote(str(self.folder), rank, self.count, address)
            for rank, actor in enumerate(self.actors)
        ]

    def endings(self) -> list[str | None]:
        """Return how each host ended: empty for success, None while it runs."""
        if not self.running:
            return ["its actor did not start"] * self.count
        ready, _ = self.ray.wait(self.running, num_returns=self.count, timeout=0)
        return [self._ending(run) if run in ready else None for run in self.running]

    def _ending(self, run: Any) -> str:
        try:
            self.ray.get(run)
        except self.ray.exceptions.RayError as error:
            line = next(iter(str(error).strip().splitlines()), "no message")
            return f"{type(error).__name__}: {line[:MAX_REASON]}"
        return ""

    def stop(self) -> None:
        """End all actors."""
        for actor in self.actors:
            self.ray.kill(actor)
        self.actors = []

    def fewer(self) -> None:
        """Go on with the machines that are left.

        Raises:
            StageFailed: if a machine is gone and `lost` is `stop`, or if none is left.
        """
        before = set(self.nodes)
        deadline = time.monotonic() + SETTLING
        while set(left := self._alive()) == before and time.monotonic() < deadline:
            time.sleep(0.5)
        gone = len(before - set(left))
        if not gone:
            return
        if self.lost == "stop" or not left:
            raise StageFailed(
                f"train.hosts: {gone} of {self.count} machines are gone, and "
                f"train.lost_hosts is {self.lost}; the same command goes on from the "
                "last checkpoint"
            )
        self.count = next(
            count for count in range(len(left), 0, -1) if self.batch_size % count == 0
        )
        self.nodes = left[: self.count]
        print(f"training goes on with {quantity(self.count, 'host')}", flush=True)

    def _alive(self) -> list[str]:
        """Return the ids of the machines with processors, in a fixed order."""
        return sorted(
            node["NodeID"]
            for node in self.ray.nodes()
            if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
        )
