"""Restoration: from a degraded image to the clean one."""
