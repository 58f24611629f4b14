"""The sentence about sandbox limits that were not held for a verdict."""

from collections.abc import Collection, Mapping


def degraded_text(limits: Collection[str], accepted: Mapping[str, str]) -> str:
    """Return the sentence about limits that the sandbox did not hold; an empty text without such limits.

    `accepted`: machine -> reason, for the machines on which the Director has accepted this.
    """
    if not limits:
        return ""
    machines = [f"machine {machine}" + (f" ({reason})" if reason else "") for machine, reason in accepted.items()]
    where = f"for {' and '.join(machines)}" if machines else "with --allow-degraded or AURA_ALLOW_DEGRADED"
    return f"Degraded: the sandbox did not hold {', '.join(limits)}. This was accepted {where}."
