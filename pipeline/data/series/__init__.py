"""Numbers over time: tables with times, windows, and splits by time."""
