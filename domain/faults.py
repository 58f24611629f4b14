"""Faults: calls that failed for a reason outside the model's work. Their number per employee and task is limited.

A fault does not use up an attempt of its task. Its weight counts towards FAULTS_MAX for one employee and one task.
"""

from collections.abc import Mapping

FAULTS_MAX = 24
"""`faults_max`: the sum of the weights of its faults at which an employee does not get the same task again."""
PASSING, COSTLY, LASTING, FINAL = 1, 4, FAULTS_MAX // 3, FAULTS_MAX
"""Weights. PASSING ends by itself. COSTLY takes long or may cost money. LASTING needs a person. FINAL cannot end."""
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
"""Outcome of a call -> its weight. Every other outcome uses up an attempt."""
MACHINE_FAULTS: Mapping[str, int] = {"working_copy": COSTLY, "libraries": LASTING, "no_box": LASTING}
"""Outcome of an attempt that a worker's machine could not begin -> its weight. It has no call."""
NO_ACCOUNT = "no_account"
"""Outcome of an attempt that ended because no account of its employee could be used."""
ACCOUNT_FAULTS = frozenset({"rate_limit", "payment", "auth", "forbidden", "region", NO_ACCOUNT})
"""Outcomes that concern the account of a call, and not the employee. If the account has a name, the weight is not
counted: the manager keeps the state of the account instead.
"""
ATTEMPTS = ("answered", "blocked", "declined", "empty", "too_large", "truncated")
"""Known outcomes that use up an attempt."""


def weight_of(outcome: str) -> int:
    """Return the weight of this outcome as a fault; 0 for an attempt."""
    return WEIGHTS.get(outcome) or MACHINE_FAULTS.get(outcome) or (PASSING if outcome == NO_ACCOUNT else 0)


def rests(outcome: str) -> bool:
    """Return whether the employee pauses after this outcome. A final fault (the prompt is too long) needs no pause."""
    return 0 < weight_of(outcome) < FINAL
