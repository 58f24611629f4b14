"""The rules of HR: the rules in force, and the check of a file."""

from pathlib import Path

import msgspec

from director.settings import Settings
from governance import hr_rules
from governance.hr_rules import HrRules


class ShownRules(msgspec.Struct, frozen=True, kw_only=True):
    """Rules of HR. `file`: their file; empty for the rules of this release."""

    file: str
    version: str
    rules: HrRules


def rules_in_force(settings: Settings) -> ShownRules:
    """Return the home's own rules, or the rules of this release. Raises Invalid if the home's file is not valid."""
    path = hr_rules.source_in(settings.root)
    return _shown(path, hr_rules.in_force(settings.root))


def check_rules(path: Path) -> ShownRules:
    """Read a file of rules. Raises NotFound without the file, and Invalid, which says what to write."""
    return _shown(path, hr_rules.read(path))


def _shown(path: Path | None, rules: HrRules) -> ShownRules:
    return ShownRules(file="" if path is None else str(path), version=rules.version, rules=rules)
