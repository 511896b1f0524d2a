"""Text pairs: a text from a text."""
