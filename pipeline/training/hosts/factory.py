"""Create the hosts that an experiment asks for.

In: `train.hosts`. Out: processes of this machine, or of a Ray cluster.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.training.hosts.launch import HostGroup
from pipeline.training.hosts.local import LocalHosts


def group_of(hosts: int | str, lost: str, batch_size: int, folder: Path) -> HostGroup:
    """Create the hosts of one fit; none is started.

    Args:
        hosts: number of processes, or HOST:PORT of a Ray cluster.
        lost: `fewer` to go on when a machine of the cluster is gone, or `stop`.
        batch_size: examples per step, which the hosts share.
        folder: of the job.

    Raises:
        UserError: when Ray is not installed, or no cluster answers.
    """
    if isinstance(hosts, int):
        return LocalHosts(folder, hosts)
    from pipeline.training.hosts.ray import RayHosts  # an optional dependency

    return RayHosts(folder, hosts, batch_size, lost)
