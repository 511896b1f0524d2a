"""Common corruptions of inputs at five severities, all seeded."""
