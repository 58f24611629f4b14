"""One part that an organisation needs, as `aura doctor` finds it."""

from typing import Literal

import msgspec

State = Literal["ok", "degraded", "missing"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of doctor's report: its state in words and the remedy.

    `needed`: without it nothing is verified or kept.
    """

    name: str
    state: State = "ok"
    says: str
    remedy: str = ""
    needed: bool = True
