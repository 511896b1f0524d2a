"""Embedding: vectors whose distances recognize things that training has never seen."""
