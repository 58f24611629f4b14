"""All cheats by name."""

from tests.cheats.corpus.base import Cheat
from tests.cheats.corpus.delivering import DELIVERING
from tests.cheats.corpus.forging import FORGING
from tests.cheats.corpus.harness import HARNESS
from tests.cheats.corpus.leaving import LEAVING
from tests.cheats.corpus.lying import LYING
from tests.cheats.corpus.reaching import REACHING
from tests.cheats.corpus.services import FILES, SERVICES
from tests.cheats.corpus.states import STATES
from tests.cheats.corpus.tables import TABLES

FAMILIES: dict[str, tuple[Cheat, ...]] = {
    "They leave before anybody looks": LEAVING,
    "They tamper with the test runner": HARNESS,
    "Their values lie": LYING,
    "They reach for the answers": REACHING,
    "They forge the judge's words": FORGING,
    "They deliver more than was asked": DELIVERING,
    "They know the visible cases": TABLES,
    "They remember, or detect who asks": STATES,
    "They are services, or lie about files": SERVICES + FILES,
}
CHEATS: dict[str, Cheat] = {cheat.name: cheat for family in FAMILIES.values() for cheat in family}
