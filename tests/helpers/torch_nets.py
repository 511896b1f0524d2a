"""Networks of PyTorch for tests: convolutional, recurrent, and a Transformer."""

from __future__ import annotations

import torch
from torch import nn


class Residual(nn.Module):
    """A sum of a layer and its input."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


class Squeeze(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels: int):
        super().__init__()
        self.inner = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, 2, 1),
            nn.SiLU(),
            nn.Conv2d(2, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.inner(x)


class Unet(nn.Module):
    """One level down and up again."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.down = nn.Conv2d(4, 6, 3, padding=1, stride=2)
        self.up = nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        y = torch.relu(self.up(torch.relu(self.down(x))))
        return self.last(torch.cat([x, y], 1))


class Shuffle(nn.Module):
    """Channels of two groups take turns."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        x = x.view(batch, 2, channels // 2, height, width).transpose(1, 2)
        return x.reshape(batch, channels, height, width)


class Recurrent(nn.Module):
    """A recurrent layer; the last step, or the last state, is classified."""

    def __init__(self, kind: str, state: bool = False, **settings: object):
        super().__init__()
        self.layer = getattr(nn, kind)(5, 6, batch_first=True, **settings)
        sides = 2 if settings.get("bidirectional") else 1
        self.head = nn.Linear(6 if state else 6 * sides, 3)
        self.state = state

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps, state = self.layer(x)
        if self.state:
            return self.head((state[0] if isinstance(state, tuple) else state)[-1])
        return self.head(steps[:, -1])


class Encoder(nn.Module):
    """Tokens, positions, PyTorch's own encoder, and a mean over the steps."""

    def __init__(self, layers: int = 2, **settings: object):
        super().__init__()
        self.tokens = nn.Embedding(20, 8)
        self.places = nn.Parameter(torch.randn(1, 7, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, **settings)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.encoder(self.tokens(x) + self.places)
        return self.head(x.mean(1))


class Vision(nn.Module):
    """Patches of an image, a class token, attention written by hand with GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.places = nn.Parameter(torch.randn(1, 5, 8))
        self.norms = nn.ModuleList(nn.LayerNorm(8) for _ in range(2))
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.dense = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.head = nn.Linear(8, 3)

    def attention(self, x: torch.Tensor) -> torch.Tensor:
        batch, steps, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, steps, 3, 2, 4).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) * 0.5
        y = scores.softmax(-1) @ v
        return self.out(y.transpose(1, 2).reshape(batch, steps, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.places
        x = x + self.attention(self.norms[0](x))
        x = x + self.dense(self.norms[1](x))
        return self.head(x[:, 0])


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, padding=2),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 6, 3),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(24, 8),
        nn.Tanh(),
        nn.Linear(8, 3),
    )


def vgg() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 3)),
    )


def resnet() -> nn.Module:
    inner = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.MaxPool2d(3, 2, 1), Residual(*inner), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
    )


def mobilenet() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU6()),
        *(nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.BatchNorm2d(8), nn.ReLU6()),
        *(nn.Conv2d(8, 12, 1), nn.BatchNorm2d(12), nn.AdaptiveAvgPool2d((1, 1))),
        *(nn.Flatten(), nn.Linear(12, 3)),
    )


def squeezed() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 3, padding=1), nn.Hardswish(), Squeeze(6)),
        *(nn.Conv2d(6, 4, 3, stride=2), nn.GELU(), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Linear(4, 3)),
    )


def shuffled() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.LeakyReLU(0.1), Shuffle()),
        *(nn.Conv2d(4, 4, 1, groups=2), nn.ELU(), nn.Flatten(), nn.Linear(144, 3)),
    )


def keywords() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv1d(4, 8, 3, padding=1), nn.BatchNorm1d(8), nn.ReLU()),
        *(nn.MaxPool1d(2), nn.Conv1d(8, 6, 3, dilation=2), nn.PReLU(6)),
        *(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 3)),
    )


def upsampled() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2)),
        *(nn.Conv2d(4, 4, 3, padding=1), nn.SELU(), nn.Conv2d(4, 2, 1)),
    )


def table() -> nn.Module:
    return nn.Sequential(
        *(nn.Linear(7, 8), nn.BatchNorm1d(8), nn.SiLU(), nn.Linear(8, 3)),
    )


# Name -> the network, and the shape of an example.
CONVOLUTIONAL = {
    "lenet": (lenet, (1, 12, 12)),
    "vgg": (vgg, (3, 8, 8)),
    "resnet": (resnet, (3, 16, 16)),
    "mobilenet": (mobilenet, (3, 12, 12)),
    "squeezed": (squeezed, (3, 9, 9)),
    "unet": (Unet, (1, 8, 8)),
    "shuffled": (shuffled, (2, 6, 6)),
    "keywords": (keywords, (4, 16)),
    "upsampled": (upsampled, (1, 4, 4)),
    "table": (table, (7,)),
}
OTHERS = {
    "lstm": (lambda: Recurrent("LSTM"), (7, 5)),
    "gru": (lambda: Recurrent("GRU", num_layers=2, bidirectional=True), (7, 5)),
    "rnn": (lambda: Recurrent("RNN", state=True), (7, 5)),
    "encoder": (Encoder, (7,)),
    "prenorm": (lambda: Encoder(1, norm_first=True, activation="gelu"), (7,)),
    "vision": (Vision, (3, 8, 8)),
}
NETS = {**CONVOLUTIONAL, **OTHERS}


def trained(name: str) -> nn.Module:
    """A network with statistics as after some training, and its shape.

    Args:
        name: a key of NETS.
    """
    torch.manual_seed(sorted(NETS).index(name))
    net = NETS[name][0]()
    for part in net.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.5, 1.5)
    return net.eval()


def __getattr__(name: str) -> object:
    """`torch_nets.py:build_NAME` builds a network."""
    if name.startswith("build_") and name[6:] in NETS:
        return lambda: trained(name[6:])
    raise AttributeError(name)
