"""Is a host there? Answers within seconds, where libraries retry for minutes."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request

SECONDS = 6.0


def reachable(url: str, seconds: float = SECONDS) -> bool:
    """Whether a server answers at `url`, whatever it answers; proxies are used.

    The question is put in a thread, because looking up a name has no time limit.
    """
    answers: list[bool] = []
    ask = threading.Thread(target=lambda: answers.append(_ask(url, seconds)))
    ask.daemon = True
    ask.start()
    ask.join(seconds)
    return bool(answers and answers[0])


def _ask(url: str, seconds: float) -> bool:
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=seconds).close()
    except urllib.error.HTTPError:
        return True  # a refusal is an answer
    except (OSError, ValueError):
        return False
    return True
