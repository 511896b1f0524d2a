"""Results of finished experiments: reading them, tables, comparisons."""
