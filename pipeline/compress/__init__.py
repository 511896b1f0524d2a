"""The compress room: from trained models to the smallest file within a budget."""
