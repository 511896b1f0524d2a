"""Model families, custom builders, and reading and writing of .keras files."""
