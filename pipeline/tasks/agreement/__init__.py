"""Agreement with the float model, on examples without labels."""
