"""The check of the flags that a user adds to the command line of a coding agent."""

import re
from collections.abc import Sequence

from agents.cli_agents.template import AgentTemplate
from domain.errors import Invalid

FLAGS_MAX = 40
FLAG_CHARS_MAX = 1000
_CAPITAL = re.compile(r"(?<=[a-z])([A-Z])")


def checked_flags(template: AgentTemplate, flags: Sequence[str]) -> tuple[str, ...]:
    """Return the flags. Raises Invalid for a flag that would break the protocol between agent and organisation."""
    if len(flags) > FLAGS_MAX or any(len(flag) > FLAG_CHARS_MAX or "\0" in flag for flag in flags):
        raise Invalid(
            f"There may be {FLAGS_MAX} flags with {FLAG_CHARS_MAX} characters each.", hint="Leave some flags out."
        )
    for flag in flags:
        for reason, refused in template.refused.items():
            if any(_names(flag, each) for each in refused):
                raise Invalid(
                    f"{template.name} may not get the flag {flag[:80]}: {reason}.",
                    hint="Leave this flag out. The template sets everything that the organisation needs.",
                    code="agent_flag",
                )
        if flag == "--":
            raise Invalid("The flag -- would end the flags of the agent.", hint="Leave it out.", code="agent_flag")
    return tuple(flags)


def _names(flag: str, refused: str) -> bool:
    """Return whether a word of the command line sets a refused flag.

    Many programs accept a long flag with "=", with capital letters instead of dashes, with "no-" before it, or only the
    beginning of it. They accept a value directly after a short flag.
    """
    word = _CAPITAL.sub(r"-\1", flag.partition("=")[0]).lower().replace("_", "-")
    if not refused.startswith("-"):
        return flag == refused
    if refused.startswith("--"):
        words = {word, word.replace("--no-", "--", 1)}
        return any(each.startswith("--") and len(each) > len("--") and refused.startswith(each) for each in words)
    return flag.startswith(refused) and not flag.startswith("--")
