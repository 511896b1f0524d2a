"""Functions that a user could name by mistake, and what they return."""

from __future__ import annotations

import torch
from torch import nn

number = 3


class Pair(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, 2 * x


class Random(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(x)


class Scalar(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum()


class StepsFirst(nn.Module):
    """A recurrent layer whose first axis is time, not the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.GRU(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


pair, random, scalar = Pair, Random, Scalar


def raises() -> None:
    raise ValueError("no such size")


def training() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
