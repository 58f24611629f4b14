"""One part that an organisation needs, as `aura doctor` finds it."""

from typing import Literal

import msgspec

State = Literal["ok", "degraded", "missing"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """How it is, in words, and what to do if it is not well. `needed`: without it nothing can be verified or kept."""

    name: str
    state: State = "ok"
    says: str
    remedy: str = ""
    needed: bool = True
