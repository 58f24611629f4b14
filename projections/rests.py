"""The rests of an employee or an account after faults of a model's server."""

REST_S = 1
REST_MAX_S = 60
RETRY_AFTER_MAX_S = 3600
"""The longest wait that a server can request. A longer wait is shortened to this value."""
LASTING_REST_S = 600
"""The first rest after a fault that needs a person, such as a refused key or an unpaid bill. It doubles, too."""


def rest_s(faults: int, retry_after_s: float | None, *, lasting: bool = False) -> float:
    """Return the rest (s) after this many consecutive faults: at least the wait that the server requests.

    `lasting`: the fault needs a person, so the rest is at least LASTING_REST_S, and at most RETRY_AFTER_MAX_S.
    """
    first, most = (LASTING_REST_S, RETRY_AFTER_MAX_S) if lasting else (REST_S, REST_MAX_S)
    own = float(min(first * 2 ** min(faults - 1, most), most))
    asked = retry_after_s if retry_after_s is not None and retry_after_s > 0 else 0.0
    return max(own, min(asked, RETRY_AFTER_MAX_S))
