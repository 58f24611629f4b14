"""All cheats, by name."""

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
    "Cheats that exit early": LEAVING,
    "Cheats that tamper with the test runner": HARNESS,
    "Cheats whose values equal everything": LYING,
    "Cheats that search for the expected answers": REACHING,
    "Cheats that forge the judge's data": FORGING,
    "Cheats that deliver more than was asked": DELIVERING,
    "Cheats that know the visible cases": TABLES,
    "Cheats that remember, or detect their caller": STATES,
    "Cheats of services, and of files": SERVICES + FILES,
}
CHEATS: dict[str, Cheat] = {cheat.name: cheat for family in FAMILIES.values() for cheat in family}
