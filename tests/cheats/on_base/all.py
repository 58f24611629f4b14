"""All cheats against a base, in groups by the freedom that they abuse."""

from tests.cheats.on_base.answers import DIFFS, NOTES
from tests.cheats.on_base.cheat import BaseCheat
from tests.cheats.on_base.own_tests import DELETIONS, MAY_CHANGE, PARTIAL, SKIPS
from tests.cheats.on_base.repositories import GIT, LINKS
from tests.cheats.on_base.steering import METADATA, PLUGINS
from tests.cheats.on_base.subclasses import SUBCLASSES

FREEDOMS: dict[str, tuple[BaseCheat, ...]] = {
    "Diffs": DIFFS,
    "Deletions": DELETIONS,
    "Plugins": PLUGINS,
    "Metadata": METADATA,
    "Links": LINKS,
    "Git configuration": GIT,
    "Tests that may change": MAY_CHANGE,
    "Skips and expected failures": SKIPS,
    "Partial suites": PARTIAL,
    "Subclasses": SUBCLASSES,
    "Notes and proofs": NOTES,
}
BASE_CHEATS: dict[str, BaseCheat] = {cheat.name: cheat for freedom in FREEDOMS.values() for cheat in freedom}
