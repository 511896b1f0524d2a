"""A module that stage one imports and stage two does not."""


def shout(text: str) -> str:
    """In capitals."""
    return text.upper()
