"""Selection of a compressed file: measurements, Pareto front and budget."""
