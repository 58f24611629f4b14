"""Preparation of a base for verdicts. It finds the libraries, the generated files and the version of the base."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from domain.errors import Invalid, Unavailable
from domain.tree import digest_of, manifest_of
from verification.packages.base_build import Built, build_base, needs_build
from verification.packages.base_dependencies import base_dependencies
from verification.packages.libraries import installed, resolved_without_missing
from verification.requirements.base_tree import BaseTree
from verification.requirements.describe import describe
from verification.requirements.model import Requirement
from verification.sandbox.base import Sandbox

Say = Callable[[str], None]
_built = msgspec.json.Decoder(Built)
FORM = 1  # version of the stored builds


async def prepared(
    requirement: Requirement, base: BaseTree, *, libraries: Path, kept: Path, sandbox: Sandbox, say: Say
) -> Requirement:
    """Return the requirement with the lock, version and generated files that a verdict on its base needs.

    Raises Unavailable if there is no sandbox or package index, and Invalid if packages conflict with each other.
    """
    described = describe(Path(base.repo), base.commit)
    generated, notes = await generated_files(
        base.files, described, libraries=libraries, kept=kept, sandbox=sandbox, say=say
    )
    lock = requirement.lock
    if requirement.from_base and lock is None:
        lock, more = await declared_lock(base.files, libraries, say)
        notes += more
    for note in notes:
        say(f"The base: {note}.")
    return msgspec.structs.replace(requirement, lock=lock, described=described, generated=generated)


async def declared_lock(base: Mapping[str, bytes], libraries: Path, say: Say) -> tuple[bytes | None, tuple[str, ...]]:
    """Resolve the packages that a base declares. Return the lock, and notes about the packages that were left out.

    Extras for features of the project are included if possible, because tests may import them. The lock is None if the
    base declares no package. Raises Unavailable if there is no package index, and Invalid if packages conflict.
    """
    declared = base_dependencies(base)
    try:
        lock, missing = await resolved_without_missing((*declared.requirements, *declared.optional), libraries, say)
    except Invalid:
        if not declared.optional:
            raise
        lock, missing = await resolved_without_missing(declared.requirements, libraries, say)
    notes = [f"there is no wheel of {name}" for name in missing] + [f"left out: {line}" for line in declared.left_out]
    return lock, tuple(notes)


async def generated_files(
    base: Mapping[str, bytes], described: str, *, libraries: Path, kept: Path, sandbox: Sandbox, say: Say
) -> tuple[Mapping[str, bytes], tuple[str, ...]]:
    """Return the files that the base's build makes. The base is built only once, and the files are stored in `kept`.

    Return no files if the base declares none. If the build fails, return no files and a note. Then the base's tests
    show how much can be judged without these files.
    """
    if not needs_build(base):
        return {}, ()
    key = digest_of(msgspec.json.encode([FORM, manifest_of(base), described], order="sorted"))
    path = kept / f"{key}.json"
    with suppress(OSError, msgspec.DecodeError):
        return _built.decode(await asyncio.to_thread(path.read_bytes)).files, ()
    say("Building the base once, to get the files that its build generates.")
    try:
        lock, missing = await resolved_without_missing(base_dependencies(base).build, libraries, say)
        needs = await installed(lock, libraries, say) if lock is not None else None
    except Unavailable as error:
        return {}, (f"the base was not built: {error.message}",)
    built = await build_base(base, needs, described, sandbox)
    if built.problem:
        return {}, (built.problem, *(f"there is no wheel of {name}" for name in missing))
    await asyncio.to_thread(_keep, path, built)
    return built.files, ()


def _keep(path: Path, built: Built) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{secrets.token_hex(4)}")
    beside.write_bytes(msgspec.json.encode(built))
    beside.replace(path)
