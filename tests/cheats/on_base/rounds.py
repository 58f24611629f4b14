"""Rounds of the cheats against a base: judge and naive gate for each cheat, and the judge for its control."""

import asyncio
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from agents.briefs.brief import Brief, brief_of
from agents.employees.answer_reader.reader import read_answer
from agents.workers.result import HandIn
from director.services.judged_source import Source, read_source
from domain.errors import AuraError
from domain.tree import Tree, digest_of
from tests.cheats.naive import accepts
from tests.cheats.on_base.cheat import Answer, BaseCheat, Change, Commit, Folder, Work
from tests.cheats.on_base.shop import GIVEN, VERSION, Shop, laid_out
from tests.unit.repositories import git
from verification.gates.base import Origin
from verification.judge import Candidate, judge
from verification.requirements.base_tree import BaseTree, base_of
from verification.requirements.model import Requirement
from verification.requirements.parser import read_requirement
from verification.sandbox.base import Sandbox
from verification.verdict.model import INTEGRITY, Verdict

JUDGED_AT_ONCE = 2
NOTHING_HANDED_IN = "no_code"
"""The result of an answer without any change that can be handed in."""


@dataclass(frozen=True)
class Outcome:
    """The result of one change. `kinds`: the findings, or the code of the error if it could not be read."""

    verified: bool
    kinds: tuple[str, ...]
    told: str = ""
    naive: bool | None = None


@dataclass(frozen=True)
class BaseFate:
    """The results of a cheat and of its control."""

    cheat: str
    refused: Outcome
    control: Outcome

    def fault(self, expected: BaseCheat) -> str | None:
        """Name the fault: the cheat was accepted or refused for another reason, or the honest control was refused."""
        kinds = set(self.refused.kinds)
        if self.refused.verified:
            return "accepted"
        if expected.finding not in kinds:
            return f"no {expected.finding}: {self.refused.told}"
        if unearned := (kinds & INTEGRITY) - {expected.finding}:
            return f"a strike {', '.join(sorted(unearned))} that it has not earned"
        if not self.control.verified:
            return f"its honest control is refused: {self.control.told}"
        return None


class Bench:
    """One random repository on disk, and the changes that are judged against it."""

    def __init__(self, folder: Path, sandbox: Sandbox, seed: int) -> None:
        self.folder, self.sandbox, self.seed = folder, sandbox, seed
        self.shop = Shop(seed)
        self.files = laid_out(self.shop, folder)
        self.made = 0

    async def outcome(self, change: Change, *, naive: bool) -> Outcome:
        """Make a change and judge it. With `naive`, also run the naive gate."""
        file = self.files[change.wide]
        requirement = read_requirement(file)
        base = base_of(requirement, file.parent)
        assert base is not None
        try:
            if isinstance(change, Answer):
                brief = brief_of(requirement, requirement.tasks[0].id, base=base.files)
                tree = self._answered(change, brief, base.files)
            else:
                tree = self._read(change, file)
        except AuraError as error:
            return Outcome(verified=False, kinds=(error.code,), told=str(error))
        if tree is None:
            return Outcome(verified=False, kinds=(NOTHING_HANDED_IN,), told="nothing can be handed in")
        verdict = await self._judged(tree, requirement, base, whole=not isinstance(change, Answer))
        if verdict.verified and isinstance(change, Answer):
            verdict = await self._judged(tree, requirement, base, whole=True)
        kinds = tuple(sorted({finding.kind for finding in verdict.findings}))
        told = "; ".join(f"{each.kind}: {each.detail[:200]}" for each in verdict.findings)
        believed = await self._believed(change, tree, requirement, base) if naive else None
        return Outcome(verified=verdict.verified, kinds=kinds, told=told, naive=believed)

    async def _judged(self, tree: Tree, requirement: Requirement, base: BaseTree, *, whole: bool) -> Verdict:
        """Return the verdict. The verdict on an employee's part is not `whole`.

        The verdict on the merged tree comes after it.
        """
        return await judge(
            Candidate(
                requirement=requirement,
                tree=tree,
                base=base.files,
                whole=whole,
                origin=Origin(files=base.files, outcomes=self.folder / "outcomes"),
                advice=False,
            ),
            sandbox=self.sandbox,
            seed=self.seed,
            allow_degraded=True,
        )

    async def fate(self, cheat: BaseCheat, *, naive: bool) -> BaseFate:
        refused = await self.outcome(cheat.cheat, naive=naive)
        return BaseFate(cheat.name, refused, await self.outcome(cheat.honest, naive=False))

    def _read(self, change: Folder | Commit, file: Path) -> Tree:
        """Return the tree of a folder or of a commit."""
        self.made += 1
        name = f"work{self.made}"
        git(self.folder, "clone", "-q", "base", name)
        work = Work(self.folder / name, self.shop)
        change.make(work)
        by_commit = isinstance(change, Commit)
        source = Source(file=file, repo=str(work.folder)) if by_commit else Source(file=file, folder=work.folder)
        return read_source(read_requirement(file), source).tree()

    def _answered(self, change: Answer, brief: Brief, base: Tree) -> Tree | None:
        """Return the tree that an answer makes from the base, or None if nothing can be handed in."""
        read = read_answer(change.make(self.shop), brief)
        if not read.changes:
            return None
        hand_in = HandIn(
            order=UUID(int=1),
            run=UUID(int=2),
            task=UUID(int=3),
            employee=UUID(int=4),
            outcome="answered",
            files=read.files,
            deleted=read.deleted,
        )
        difference = hand_in.difference(base.manifest())
        contents = {digest_of(content): content for content in read.files.values()}
        written = {path: contents[entry.digest] for path, entry in difference.items() if entry.is_file}
        return base.kept(lambda path: path in written or path not in difference).with_files(written)

    async def _believed(self, change: Change, tree: Tree, requirement: Requirement, base: BaseTree) -> bool:
        """Whether the naive gate accepts a change. It has no scope, and the base is installed."""
        if isinstance(change, Answer):
            texts = {path: content.decode() for path, content in base.files.items()}
            brief = Brief(title="", prose="", task="", criteria=(), paths=("**",), base_files=texts)
            tree = self._answered(change, brief, base.files) or tree
        changed = set(tree.changed_from(base.files))
        gone = changed - set(tree.paths())
        given = base.files.with_files({GIVEN: self.shop.changed_tests().encode()})
        whole = given.kept(lambda path: path not in gone).with_tree(tree.kept(lambda path: path in changed))
        metadata = f"Metadata-Version: 2.1\nName: {self.shop.project}\nVersion: {VERSION}\n".encode()
        installed = Tree({f"{self.shop.project}-{VERSION}.dist-info/METADATA": metadata})
        may_change = [word for each in requirement.may_change for word in ("--deselect", each.test)]
        return await accepts(installed.with_tree(whole), self.sandbox, *may_change)


async def base_fates(
    cheats: Iterable[BaseCheat], sandbox: Sandbox, *, seed: int, naive: bool
) -> list[tuple[BaseCheat, BaseFate]]:
    """Return the results of each cheat and its control, in order. A few run at the same time."""
    gate = asyncio.Semaphore(JUDGED_AT_ONCE)
    with tempfile.TemporaryDirectory(prefix="aura-zoo-") as folder:
        bench = Bench(Path(folder), sandbox, seed)

        async def one(cheat: BaseCheat) -> tuple[BaseCheat, BaseFate]:
            async with gate:
                return cheat, await bench.fate(cheat, naive=naive)

        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(one(cheat)) for cheat in cheats]
    return [each.result() for each in waiting]
