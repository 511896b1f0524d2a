"""Draw a text token by token.

In: a model that reads tokens, and a prompt. Out: the text that follows. Tokens are
drawn from the softmax of logits / temperature; a temperature of 0 takes the likeliest
token. Padding and the unknown token are never drawn.
"""

from __future__ import annotations

import numpy as np

from pipeline.inference.step_models import StepModel
from pipeline.tasks.text_tokens import FIRST, Tokens


def continue_text(
    model: StepModel,
    prompt: list[int],
    tokens: Tokens,
    length: int,
    temperature: float,
    seed: int,
) -> str:
    """Read a prompt, and draw tokens until a text has a number of characters.

    Args:
        model: reads from the beginning.
        prompt: at least one token.
        tokens: of the experiment.
        length: characters to add.
        temperature: divides the logits; 0 takes the likeliest token.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    model.reset()
    for number in prompt:
        logits = model.read(number)
    drawn: list[int] = []
    characters = 0.0
    while characters < length:
        number = draw(logits, temperature, rng)
        drawn.append(number)
        characters += tokens.characters_of[number]
        if len(drawn) > 4 * length:  # bytes that begin no character
            break
        logits = model.read(number)
    return tokens.decode(drawn)[:length]


def draw(logits: np.ndarray, temperature: float, rng: np.random.Generator) -> int:
    """Draw a token, neither padding nor the unknown one.

    Args:
        logits: of the next token, `(vocabulary,)`.
        temperature: divides the logits; 0 takes the likeliest token.
        rng: source of the draw.
    """
    scores = np.asarray(logits[FIRST:], np.float64)
    if temperature == 0:
        return FIRST + int(scores.argmax())
    odds = np.exp((scores - scores.max()) / temperature)
    total = np.cumsum(odds)
    return FIRST + int(np.searchsorted(total, rng.random() * total[-1], side="right"))
