"""Faults of a call: how it ended when that says nothing about the model's work, and how often this may happen.

A fault uses up no attempt of its task. It uses up a part of the FAULTS_MAX that one employee has with one task.
"""

from collections.abc import Mapping

FAULTS_MAX = 24
"""`faults_max`: the faults, by weight, after which an employee does not get the same task again."""
PASSING, COSTLY, LASTING, FINAL = 1, 4, FAULTS_MAX // 3, FAULTS_MAX
"""A fault that passes by itself; one that takes long or may cost; one that a person must put right; one that stays."""
WEIGHTS: Mapping[str, int] = {
    "connection": PASSING,
    "overloaded": PASSING,
    "rate_limit": PASSING,
    "cancelled": PASSING,
    "timeout": COSTLY,
    "malformed_response": COSTLY,
    "defect": COSTLY,
    "auth": LASTING,
    "bad_request": LASTING,
    "bad_settings": LASTING,
    "forbidden": LASTING,
    "moved": LASTING,
    "not_found": LASTING,
    "payment": LASTING,
    "region": LASTING,
    "tls": LASTING,
    "unknown_model": LASTING,
    "context_overflow": FINAL,
    "prompt_too_large": FINAL,
    "request_too_large": FINAL,
}
"""Outcome of a call -> its weight. Every other outcome is an attempt."""


def weight_of(outcome: str) -> int:
    """Return the part of an employee's FAULTS_MAX that this outcome takes; 0 for an attempt."""
    return WEIGHTS.get(outcome, 0)


def rests(outcome: str) -> bool:
    """Whether the employee waits after this outcome. A prompt that is too long is no fault of its server."""
    return 0 < weight_of(outcome) < FINAL
