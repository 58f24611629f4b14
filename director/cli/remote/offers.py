"""The commands that work on another machine with AURA_URL, and those that need no organisation at all.

Every other command is refused there, because it works on files, keys or processes of the organisation's machine.
"""

from collections.abc import Mapping

import msgspec

from domain.errors import Invalid


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A command that the API carries out. `not_here`: options that work only on the organisation's machine.

    `uploads`: the option that names a requirement file of the caller.
    """

    not_here: tuple[str, ...] = ()
    uploads: str = ""


_PLAIN = Offer()
OFFERS: Mapping[str, Offer] = {
    "submit": Offer(uploads="file", not_here=("repo", "ref", "share_secrets", "allow_degraded")),
    "estimate": Offer(uploads="file"),
    "costs": Offer(not_here=("csv", "compare")),
    "verdict": Offer(not_here=("html", "attest")),
    **dict.fromkeys(
        (
            *("status", "runs", "run show", "diff", "watch", "inbox", "approve", "reject", "chat"),
            *("pause", "halt", "resume"),
            *("events", "why", "state"),
            *("employees", "scores", "tier", "suspend", "reinstate"),
            *("appeal list", "appeal file", "appeal decide", "blacklist list", "blacklist add", "blacklist remove"),
            *("incidents", "incidents show", "incidents acknowledge", "incidents work", "incidents close"),
            *("budget", "budget set", "budget raise", "budget refuse", "estimates"),
            *("routing show", "routing set", "account list", "account show"),
        ),
        _PLAIN,
    ),
}
"""Command -> what of it the API carries out. docs/remote.md has this list."""
WITHOUT_ORGANISATION = frozenset({"init", "check", "schema", "judge", "attestation verify", "demo", "rules check"})
"""Commands that do not need a running organisation. AURA_URL changes nothing for them."""


def offer_of(command: str) -> Offer:
    """Return how the API carries out a command. Raises Invalid if it does not."""
    offer = OFFERS.get(command)
    if offer is None:
        raise Invalid(
            f"`aura {command}` works only on the machine of the organisation, and AURA_URL names another one.",
            hint="Run it there. Or unset AURA_URL to run it for the organisation of this machine.",
            code="not_remote",
        )
    return offer


def refuse_option(command: str, option: str) -> Invalid:
    """Return the error for an option that works only on the organisation's machine."""
    return Invalid(
        f"--{option.replace('_', '-')} of `aura {command}` works only on the machine of the organisation.",
        hint="Leave it out, or run the command there.",
        code="not_remote",
    )
