"""Targets: the devices that a file is made for, one module per target."""
