"""A module that stage `one` imports and stage `two` does not."""


def shout(text: str) -> str:
    """Convert to capitals."""
    return text.upper()
