"""Reachability of a host, within seconds; libraries retry for minutes."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request

SECONDS = 6.0


def reachable(url: str, seconds: float = SECONDS) -> bool:
    """Return whether a server responds, with whatever status; proxies are used.

    The request runs in a thread, because looking up a name has no time limit.

    Args:
        url: address to request.
        seconds: time limit.
    """
    responses: list[bool] = []
    request = threading.Thread(target=lambda: responses.append(_request(url, seconds)))
    request.daemon = True
    request.start()
    request.join(seconds)
    return bool(responses and responses[0])


def _request(url: str, seconds: float) -> bool:
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=seconds).close()
    except urllib.error.HTTPError:
        return True  # an error status is a response
    except (OSError, ValueError):
        return False
    return True
