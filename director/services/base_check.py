"""Tests a requirement on its base before any employee works, for `aura check` and `aura submit`."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from director.settings import Settings
from domain.errors import Unavailable
from verification.base_check import BaseDisagrees, BaseReport, Say, check_on_base
from verification.gates.base import Origin
from verification.packages.base_preparation import prepared
from verification.packages.libraries import libraries_of, lock_of
from verification.requirements.base_tree import BaseTree, base_of
from verification.requirements.model import Requirement
from verification.requirements.own_files import refuse_own_in_scope, refuse_sealed_in_base
from verification.sandbox.choice import open_sandbox


@dataclass(frozen=True, kw_only=True)
class OnBaseReport:
    """A requirement with everything that a verdict on its base needs. `seen` is None if the trial did not run."""

    requirement: Requirement
    base: BaseTree | None
    seen: BaseReport | None = None

    def agree(self) -> None:
        """Raise BaseDisagrees if the requirement and its base do not agree."""
        if self.base is not None and self.seen is not None and self.seen.problems:
            raise BaseDisagrees(self.seen.problems, self.base.commit)


def base_beside(requirement: Requirement, file: Path, folder: Path) -> BaseTree | None:
    """Return the base of a requirement. `folder`: the folder to which the base's path is relative.

    Raises the errors of `base_of`. Raises Invalid if an author could change the requirement or read its sealed files.
    """
    base = base_of(requirement, folder)
    if base is not None:
        refuse_own_in_scope(requirement, file, base)
        refuse_sealed_in_base(requirement, file, base)
    return base


async def tried_on_base(
    requirement: Requirement, base: BaseTree | None, settings: Settings, *, required: bool, say: Say
) -> OnBaseReport:
    """Prepare a base and try the requirement on it.

    `required`: raise Unavailable if the sandbox or the libraries are missing. If it is False, report this with `say`,
    and do not try the requirement.
    """
    if base is None:
        return OnBaseReport(requirement=requirement, base=None)
    box = open_sandbox(settings.boxes())
    try:
        requirement = await prepared(
            requirement, base, libraries=settings.libraries, kept=settings.base_builds, sandbox=box, say=say
        )
        if requirement.dependencies:
            lock = await lock_of(requirement, settings.libraries, say)
            requirement = msgspec.structs.replace(requirement, lock=lock)
        installed = await libraries_of(requirement, settings.libraries, say)
        origin = Origin(
            files=base.files,
            described=requirement.described,
            generated=requirement.generated,
            outcomes=settings.base_outcomes,
        )
        seen = await check_on_base(requirement, origin, sandbox=box, libraries=installed, allow_degraded=True, say=say)
    except Unavailable as error:
        if required:
            raise
        say(
            f"The requirement was not tried on its base, so only a verdict can show whether they agree: {error.message}"
        )
        return OnBaseReport(requirement=requirement, base=base)
    finally:
        await box.close()
    return OnBaseReport(requirement=requirement, base=base, seen=seen)
