"""Time limits: a trial, a variant or a stage that hangs must not block an experiment.

In: the section `limits` of an experiment file. Out: `TimeLimit`, which the pool of
workers and the runner enforce. No result depends on a limit that is not reached, so
none of them enters a fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from pipeline.core.params import Params

DAY = 24 * 60.0  # minutes
LONGEST = 30_000.0  # minutes; the system waits for at most 2**31 milliseconds at once


class MinuteParams(Params):
    """Maximum minutes; null is no limit. A trial or variant beyond it counts as failed.

    Args:
        trial: of the training of one trial of `tune`.
        variant: of building one variant of `compress`.
        stage: of one stage. Beyond it, the stage fails and keeps its work for the next
            run. `train` has no limit: its length is that of `train.epochs`.
    """

    # Nothing small enough for a microcontroller trains for a day; what hangs does.
    trial: float | None = Field(default=DAY, gt=0, le=LONGEST)
    variant: float | None = Field(default=DAY, gt=0, le=LONGEST)
    # A search may last for days.
    stage: float | None = Field(default=None, gt=0, le=LONGEST)


class LimitsParams(Params):
    """Section `limits` of an experiment; no result depends on it.

    Args:
        minutes: maximum minutes of trials, variants and stages.
    """

    minutes: MinuteParams = MinuteParams()


@dataclass(frozen=True)
class TimeLimit:
    """A maximum time.

    Args:
        minutes: positive.
        key: dotted key of the experiment file that sets it.
    """

    minutes: float
    key: str

    @property
    def seconds(self) -> float:
        """The limit in seconds."""
        return 60 * self.minutes

    @property
    def reason(self) -> str:
        """A clause about what exceeded the limit."""
        return f"took longer than {self.minutes:g} minutes ({self.key})"


EXCEEDED = "exceeded"  # volatile fact of a stage: kind of work -> minutes


def is_raised(minutes: float | None, exceeded: float) -> bool:
    """Return whether work that exceeded a limit may try again under the present one.

    Args:
        minutes: the present limit; None without one.
        exceeded: the limit that the work exceeded, in minutes.
    """
    return minutes is None or minutes > exceeded


def time_limit(minutes: Mapping[str, float | None], name: str) -> TimeLimit | None:
    """Return the limit of a kind of work; None where there is none.

    Args:
        minutes: kind -> maximum minutes, as `MinuteParams` holds them.
        name: `trial`, `variant` or `stage`.
    """
    value = minutes.get(name)
    return None if value is None else TimeLimit(value, f"limits.minutes.{name}")
