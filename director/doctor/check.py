"""One part of the report of `aura doctor`."""

from typing import Literal

import msgspec

State = Literal["ok", "degraded", "missing"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part that an organisation needs: its state, a sentence about it, and the remedy.

    `needed`: without this part nothing can be verified or stored.
    """

    name: str
    state: State = "ok"
    says: str
    remedy: str = ""
    needed: bool = True
