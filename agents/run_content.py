"""Content of a run: its requirement and its trees, read from the blobs that its events name."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from bus.blobs import Blobs
from domain.errors import NotFound
from domain.run import RunState
from domain.run_messages import Submitted
from domain.task import TaskState
from domain.tree import Entry, Manifest, Tree, contents_of, from_version_1, overlay, tree_digest
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement
from verification.verdict.model import Verdict

CACHED_MAX = 64
_manifest = msgspec.json.Decoder(dict[str, Entry])
_manifest_1 = msgspec.json.Decoder(dict[str, str])
_verdict = msgspec.json.Decoder(Verdict)
_fixtures = msgspec.json.Decoder(dict[str, bytes])


def pack_fixtures(fixtures: Mapping[str, bytes]) -> bytes:
    """Return fixture files as one blob (JSON, base64)."""
    return msgspec.json.encode(dict(fixtures), order="sorted")


def pack_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as one blob."""
    return msgspec.json.encode(dict(manifest), order="sorted")


def manifest_in(blob: bytes) -> dict[str, Entry]:
    """Return the manifest in a blob. In version 2 its values are objects, in version 1 they are plain digests."""
    try:
        return _manifest.decode(blob)
    except msgspec.ValidationError:
        return from_version_1(_manifest_1.decode(blob))


async def tree_of(manifest: Manifest, blobs: Blobs) -> Tree:
    """Return the tree of a manifest. If the manifest is a difference, the tree has only the files of the difference."""
    return Tree(
        await blobs.get_many(contents_of(manifest)),
        executable=frozenset(path for path, entry in manifest.items() if entry.kind == "executable"),
        links={path: entry.target for path, entry in manifest.items() if entry.kind == "link"},
        submodules={path: entry.target for path, entry in manifest.items() if entry.kind == "submodule"},
    )


class Library:
    """A reader of requirements and trees. It caches requirements and base manifests by their digests."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._requirements: OrderedDict[tuple[str | None, ...], Requirement] = OrderedDict()
        self._bases: OrderedDict[str, dict[str, Entry]] = OrderedDict()

    async def requirement(self, submitted: Submitted) -> Requirement:
        """Return the requirement of a run. Raises NotFound if the requirement was purged."""
        content = (submitted.title, submitted.requirement, submitted.sealed, submitted.fixtures)
        known = self._requirements.get(content)
        if known is None:
            source = await self._blobs.get(submitted.requirement)
            sealed = await self._blobs.get(submitted.sealed) if submitted.sealed else None
            fixtures = _fixtures.decode(await self._blobs.get(submitted.fixtures)) if submitted.fixtures else {}
            known = parse_requirement(source, sealed, name=submitted.title, folder=None, fixtures=fixtures)
            _keep(self._requirements, content, known)
        return known

    async def base_manifest(self, submitted: Submitted) -> dict[str, Entry]:
        """Return the manifest of the base commit, stored in version 1 or 2. It is empty if the run has no base."""
        if submitted.base_tree is None:
            return {}
        known = self._bases.get(submitted.base_tree)
        if known is None:
            known = manifest_in(await self._blobs.get(submitted.base_tree))
            _keep(self._bases, submitted.base_tree, known)
        return known

    async def before(self, state: RunState, task: UUID) -> dict[str, Entry]:
        """Return the manifest that a task starts from: the base and the files of the tasks before it."""
        manifest = dict(await self.base_manifest(_submitted(state)))
        for part in _before(state, task):
            manifest = overlay(manifest, part.files)
        return manifest

    def differences_before(self, state: RunState, task: UUID) -> tuple[Manifest, ...]:
        """Return the differences of the verified tasks that a task builds on, in the order of the plan."""
        return tuple(part.files for part in _before(state, task))

    def earlier(self, state: RunState, task: UUID) -> tuple[str, ...]:
        """Return the criteria that already hold when a task starts: the criteria of the tasks that it builds on."""
        return tuple(dict.fromkeys(name for part in _before(state, task) for name in part.criteria))

    async def merged(self, state: RunState, files: Manifest) -> tuple[dict[str, Entry], str]:
        """Apply the difference `files` to the base's manifest. Return the new manifest and the digest of its tree."""
        manifest = overlay(await self.base_manifest(_submitted(state)), files)
        return manifest, tree_digest(manifest)

    async def verdict(self, digest: str) -> Verdict:
        """Return the whole verdict that is stored under `digest`. The verdict's event contains this digest."""
        return _verdict.decode(await self._blobs.get(digest))

    async def text(self, digest: str) -> str:
        """Return a stored text. Raises NotFound if the text was purged."""
        return (await self._blobs.get(digest)).decode(errors="replace")

    async def contents(self, manifest: Manifest) -> Tree:
        """Return the tree of a manifest. If the manifest is a difference, the tree has only the files of the
        difference.
        """
        return await tree_of(manifest, self._blobs)


def _submitted(state: RunState) -> Submitted:
    if state.submitted is None:
        raise NotFound("The run was never submitted.", hint="`aura runs` lists the runs.")
    return state.submitted


def _before(state: RunState, task: UUID) -> Iterable[TaskState]:
    """Return the verified tasks that `task` builds on, directly or indirectly, in the order of the plan."""
    wanted: set[UUID] = set()
    waiting = [task]
    while waiting:
        for other in state.tasks[waiting.pop()].after:
            if other not in wanted:
                wanted.add(other)
                waiting.append(other)
    return [part for part in state.tasks.values() if part.id in wanted and part.phase == "verified"]


def _keep(cache: OrderedDict, key: object, value: object) -> None:  # type: ignore[type-arg]  # any types of key and value
    cache[key] = value
    while len(cache) > CACHED_MAX:
        cache.popitem(last=False)
