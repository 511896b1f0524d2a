"""The engine: decides which stages are stale, runs them and publishes results."""
