"""The Content-Security-Policy of a page: its own script, and nothing from a network."""

from __future__ import annotations

import base64
import hashlib


def security_policy(script: str, scripts: str, images: str) -> str:
    """Return the policy of a page with one script inside.

    Args:
        script: the page's own script, between the line breaks that enclose it.
        scripts: sources of other scripts.
        images: sources of images.
    """
    digest = base64.b64encode(hashlib.sha256(f"\n{script}".encode()).digest()).decode()
    rules = {
        "default-src": "'none'",
        "img-src": images,
        "style-src": "'unsafe-inline'",
        "script-src": f"{scripts} 'sha256-{digest}'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())
