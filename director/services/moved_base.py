"""Handles a base that has moved after a run began: the work is applied to the base's new commit and judged again."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from agents.delivery.rebase import Rebased, rebased
from agents.run_content import Library, pack_manifest, tree_of
from bus.blobs import Blobs
from bus.clock import now
from director.services.base_secrets import refuse_new_secrets
from director.services.session import DirectorSession, gone_on, new_id
from director.services.submit import stored_history
from domain.errors import NotFound, Refused
from domain.review import is_review
from domain.run import RunState
from domain.run_messages import Return, Submitted, TaskFiles
from domain.tree import contents_of, difference_between, digest_of
from verification.requirements.base_tree import BaseTree, read_base
from verification.requirements.model import Base


class Moved(NamedTuple):
    """The base's new commit, and the run's work after it is applied to this commit."""

    base: BaseTree
    work: Rebased


async def moved_base(blobs: Blobs, state: RunState) -> Moved | None:
    """Read the run's base again, and apply the work to it. Return None if there is nothing to do.

    That is: the base has not moved, or it already contains all of the run's work.

    Raises NotFound if the base cannot be read.
    """
    submitted = state.submitted
    if submitted is None or not (submitted.base_repo and submitted.base_ref and submitted.base_commit):
        return None
    base = read_base(Base(repo=submitted.base_repo, ref=submitted.base_ref), Path("/"))
    if base.commit == submitted.base_commit:
        return None
    before = await tree_of(await Library(blobs).base_manifest(submitted), blobs)
    work = {id: part.files for id, part in state.tasks.items() if part.phase == "verified" and not is_review(part)}
    digests = {digest: digest for files in work.values() for digest in contents_of(files).values()}
    outcome = rebased(before, base.files, work, await blobs.get_many(digests))
    return None if outcome.nothing_left else Moved(base, outcome)


async def return_to_work(opened: DirectorSession, state: RunState, moved: Moved) -> Refused:
    """Move the run to the base's new commit. Return the error that explains why its delivery is not approved.

    Raises Refused if the new commit has new secrets. The run then stays as it is.
    """
    submitted = state.submitted
    assert submitted is not None
    assert state.commit is not None
    await asyncio.to_thread(refuse_new_secrets, _base_before(submitted), moved.base)
    tree = await _kept(opened.blobs, submitted, moved)
    reason = f"{submitted.base_ref} has moved from {submitted.base_commit} to {moved.base.commit}."
    await opened.done(
        Return(
            id=new_id(),
            at=now(),
            run=submitted.run,
            commit=state.commit,
            base_commit=moved.base.commit,
            base_tree=tree,
            base_history=await stored_history(moved.base, opened.blobs, lambda _: None),
            conflicts=moved.work.conflicts,
            files=tuple(TaskFiles(task=task, files=files) for task, files in moved.work.files.items()),
            reason=reason,
        )
    )
    await gone_on(opened.store, submitted.run, "delivered")
    names = ", ".join(state.tasks[task].name for task in moved.work.conflicts)
    paths = ", ".join(sorted({path for paths in moved.work.conflicts.values() for path in paths}))
    follows = f"{paths} conflict, so task {names} is open again." if paths else "The work applies without conflicts."
    return Refused(
        f"Not approved: {reason} {follows} The delivery is judged again on {moved.base.commit[:12]}.",
        hint=f"Follow it with: aura watch {submitted.run}. When it is delivered again, approve the new commit.",
        code="base_moved",
    )


def _base_before(submitted: Submitted) -> BaseTree | None:
    """Return the base of the run, or None if its repository no longer has that commit."""
    try:
        return read_base(Base(repo=submitted.base_repo or "", ref=submitted.base_commit or ""), Path("/"))
    except NotFound:
        return None


async def _kept(blobs: Blobs, submitted: Submitted, moved: Moved) -> str:
    """Store the new base's files and manifest, and the merged files. Return the digest of the manifest's blob."""
    before, manifest = await Library(blobs).base_manifest(submitted), moved.base.files.manifest()
    new = contents_of(difference_between(before, manifest))
    await blobs.put([moved.base.files[path] for path in new], redact=False)
    await blobs.put(moved.work.contents, redact=False)
    packed = pack_manifest(manifest)
    await blobs.put([packed], redact=False)
    return digest_of(packed)


def unreadable_base(error: NotFound) -> str:
    """Return the note for a base that cannot be read."""
    return f"The base cannot be read, so it is not known whether it has moved: {error.message}"
