"""Text generation: the next token of a text."""
