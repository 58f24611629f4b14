"""The history of a base, read from the Director's repository. Nothing of that repository is changed or run."""

import zlib
from contextlib import closing
from pathlib import Path

from agents.working_copies.history import collect
from agents.working_copies.object_bytes import KINDS, GitObject, object_id
from verification.requirements.base_tree import BaseTree

_KIND_OF = {1: KINDS[0], 2: KINDS[1], 3: KINDS[2]}  # git's numbers of commit, tree and blob


def history_of(base: BaseTree) -> bytes | None:
    """Return the stored history of a base: its commit and the ancestors of this commit, as far as the limits permit.

    It reads objects by id, starting at the base commit. So refs, later commits, configuration, hooks, reflogs, notes,
    the stash and unreachable objects are never read. The history ends where an object is missing or damaged. Return
    None if the base's commit itself cannot be used.
    """
    from dulwich.errors import ApplyDeltaError, ChecksumMismatch, FileFormatException
    from dulwich.objects import ObjectID
    from dulwich.repo import Repo

    with closing(Repo(str(Path(base.repo)))) as repo:

        def read(id: str) -> GitObject:
            try:
                number, raw = repo.object_store.get_raw(ObjectID(id.encode()))
            except (FileFormatException, ApplyDeltaError, ChecksumMismatch, zlib.error, OSError, ValueError) as error:
                raise KeyError(id) from error  # a damaged object counts as missing
            if number not in _KIND_OF or object_id(_KIND_OF[number], raw) != id:
                raise KeyError(id)
            return GitObject(_KIND_OF[number], raw)

        return collect(read, base.commit, base.files)
