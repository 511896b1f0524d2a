"""Training of one model: loop, losses, optimizers, schedules and checkpoints."""
