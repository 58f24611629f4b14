"""The result of one check in the report of `aura doctor`."""

from typing import Literal

import msgspec

State = Literal["ok", "degraded", "missing"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part that an organisation needs: its state, a sentence about it, and the remedy.

    `needed`: Aura cannot verify or store anything without this part.
    """

    name: str
    state: State = "ok"
    says: str
    remedy: str = ""
    needed: bool = True
