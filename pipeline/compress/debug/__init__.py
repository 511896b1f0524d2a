"""Find where an int8 file loses accuracy, why, and which adjustments recover it."""
