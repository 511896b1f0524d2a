"""Measurements of speed, memory and file size against other tools and settings."""
