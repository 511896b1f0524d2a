"""A page that runs the chosen file in a browser."""
