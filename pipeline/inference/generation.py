"""Text from a published file, token by token.

In: a prompt. Out: the text that the file continues it with. TensorFlow is not imported.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.data.artifact import Data
from pipeline.engine.published import published, recorded_hashes
from pipeline.engine.terminal import quiet
from pipeline.inference.predict import open_published
from pipeline.inference.sampling import continue_text
from pipeline.inference.step_models import (
    STATEFUL,
    StatefulModel,
    StepModel,
    WindowModel,
)
from pipeline.tasks.registry import task_of
from pipeline.tasks.text_tokens import Tokens, tokens_of

PROMPT = "\n"


@dataclass(frozen=True)
class Generated:
    """A text and how it was made.

    Args:
        prompt: what was read first.
        text: what follows it.
        seconds: time of the tokens of `text`.
        method: `state` or `window`.
        ignored: characters of the prompt that have no token.
    """

    prompt: str
    text: str
    seconds: float
    method: str
    ignored: tuple[str, ...] = ()

    @property
    def speed(self) -> float:
        """Generated characters per second."""
        return len(self.text) / max(self.seconds, 1e-9)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "prompt": self.prompt,
            "text": self.text,
            "method": self.method,
            "characters_per_second": round(self.speed, 1),
            "unknown": list(self.ignored),
        }


def generate(
    folder: str | Path,
    prompt: str = PROMPT,
    *,
    length: int = 400,
    temperature: float = 0.7,
    seed: int = 1,
    variant: str | None = None,
) -> Generated:
    """Continue a prompt with the chosen file of a finished experiment.

    Args:
        folder: of the experiment.
        prompt: text to continue; default: the beginning of a line.
        length: characters to add.
        temperature: divides the logits; 0 takes the likeliest token.
        seed: of the draws.
        variant: id of another file in compress/pareto.json; default: the chosen one.

    Raises:
        UserError: the experiment is not one of text generation, has no file, or the
            prompt has no known character.
    """
    path, point, data = open_published(folder, variant)
    with quiet():
        model, method = open_model(path, point["id"], data)
    tokens = require_tokens(data)
    numbers, ignored = encode_prompt(prompt, tokens)
    begin = time.perf_counter()
    text = continue_text(model, numbers, tokens, length, temperature, seed)
    seconds = time.perf_counter() - begin
    return Generated(prompt, text, seconds, method, tuple(ignored))


def open_model(path: Path, name: str, data: Data) -> tuple[StepModel, str]:
    """Open the file that reads step by step, else the file of whole windows.

    Args:
        path: of the file of whole windows, in the folder of compress or below it.
        name: id of the variant.
        data: the experiment's data.

    Returns:
        The model, and `state` or `window`.
    """
    folder = path.parent if path.name == "best.tflite" else path.parent.parent
    file = f"{STATEFUL}/{name}.tflite"
    if file in recorded_hashes(folder):
        return StatefulModel(published(folder, file) / file), "state"
    return WindowModel(path, data.spec), "window"


def require_tokens(data: Data) -> Tokens:
    """Return the tokens of an experiment of text generation.

    Raises:
        UserError: for another task.
    """
    tokens = tokens_of(data.spec)
    if tokens is None or not task_of(data.spec).generates:
        raise UserError(
            f"{data.folder.parent}: is an experiment of {task_of(data.spec).title}, "
            "whose model writes no text; name one of text generation"
        )
    return tokens


def encode_prompt(prompt: str, tokens: Tokens) -> tuple[list[int], list[str]]:
    """Return the token numbers of a prompt, and its characters that have none.

    Args:
        prompt: any text.
        tokens: of the experiment.

    Raises:
        UserError: when the prompt is empty, or no character of it is known.
    """
    ignored = tokens.unknown(prompt)
    known = "".join(c for c in prompt if c not in ignored)
    if not known:
        names = shown("".join(ignored[:20])) or "it is empty"
        raise UserError(
            f"--prompt: no character of it is in the texts that the model has read "
            f"({names}); write others"
        )
    return tokens.encode(known).tolist(), ignored
