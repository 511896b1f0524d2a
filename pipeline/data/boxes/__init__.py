"""Images with boxes: annotations of several formats, as targets."""
