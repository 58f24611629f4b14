"""The named queries on the rows of shadow runs, each with the struct of its rows."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from director.services.session import archive
from director.services.views import Query
from director.settings import Settings


class ShadowScore(msgspec.Struct, frozen=True, kw_only=True):
    """The shadow runs of one employee. `tasks`: their number. `rejected`: hand-ins that the verifier rejected."""

    employee: UUID
    name: str | None
    tasks: int
    verified: int
    rejected: int
    integrity: int
    charged_usd: Decimal
    charged_tokens: int


SHADOW_SCORES = Query("door_shadow_scores", ShadowScore)
"""The shadow runs of each employee. Employees with more verified work come first."""
QUERIES: tuple[Query[Any], ...] = (SHADOW_SCORES,)


async def shadow_scores(settings: Settings) -> list[ShadowScore]:
    """Return the shadow runs of each employee."""
    async with archive(settings) as store:
        return await SHADOW_SCORES.read(store)
