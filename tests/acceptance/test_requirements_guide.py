"""The user's guide to requirement files is correct: every example in it works as the guide says."""

import re
from pathlib import Path
from typing import get_args

import pytest

from tests.sandboxes import sandbox
from verification.base_check import check_on_base
from verification.gates.base import Origin
from verification.judge import Candidate, judge
from verification.requirements.model import Requirement
from verification.requirements.parser import RequirementInvalid, parse_requirement
from verification.requirements.property_model import PropertyKind
from verification.sandbox.bubblewrap import Bubblewrap

__all__ = ["sandbox"]

GUIDE = Path(__file__).parents[2] / "docs" / "requirements.md"
BLOCKS = re.findall(r"^```(\w+ \w+)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    found = [text for info, text in BLOCKS if info == kind]
    assert found
    return found


def read(source: str, sealed: str | None = None) -> Requirement:
    return parse_requirement(source.encode(), sealed.encode() if sealed else None, name="slug", folder=None)


def whole() -> str:
    return blocks("markdown requirement")[0]


def test_the_whole_example_is_valid() -> None:
    requirement = read(whole())
    assert [criterion.id for criterion in requirement.criteria] == ["A1", "A2"]
    assert "~~~" not in requirement.prose


def test_the_tasks_are_valid() -> None:
    front = next(each for each in blocks("yaml front") if "tasks:" in each)
    requirement = read(re.sub(r"^scope: .*\n", front, whole(), flags=re.MULTILINE))
    assert [task.after for task in requirement.tasks] == [(), ("T1",)]


def test_the_dependencies_are_valid() -> None:
    (front,) = blocks("yaml dependencies")
    assert len(read(whole().replace("deliver: library", f"deliver: library\n{front}", 1)).dependencies) == 2


@pytest.mark.parametrize("cases", blocks("yaml cases"))
def test_the_cases_are_valid(cases: str) -> None:
    front = whole().split("# Slug maker")[0].replace("deliver: library", 'deliver: cli\ncommand: "shop = shop:main"')
    inner = "".join(f"    {line}\n" for line in cases.splitlines())
    requirement = read(f"{front}```yaml acceptance\n- id: A1\n  says: it works\n  cases:\n{inner}```\n")
    assert len(requirement.criteria[0].cases) == len(re.findall(r"^- ", cases, re.MULTILINE))


@pytest.mark.needs_sandbox
@pytest.mark.parametrize(("old", "new", "right"), [("", "", True), ("+ count", "+ 1", False)], ids=["right", "wrong"])
async def test_objects_are_tested_with_steps(sandbox: Bubblewrap, old: str, new: str, *, right: bool) -> None:
    """The class on the page meets the cases on the page, in boxes; a wrong one does not."""
    (source,), (cases,) = blocks("python objects"), blocks("yaml objects")
    front = whole().split("# Slug maker")[0].replace("slugify.py", "shop.py")
    inner = "".join(f"    {line}\n" for line in cases.splitlines())
    requirement = read(f"{front}```yaml acceptance\n- id: A1\n  says: it works\n  cases:\n{inner}```\n")
    tree = {"shop.py": source.replace(old, new).encode()}
    found = await judge(
        Candidate(requirement=requirement, tree=tree, whole=False), sandbox=sandbox, seed=1, allow_degraded=True
    )
    assert found.verified == right, found.findings


def test_the_requests_are_valid() -> None:
    (serve,), (cases,) = blocks("yaml serve"), blocks("yaml requests")
    front = whole().split("# Slug maker")[0].replace("deliver: library", f"deliver: http\n{serve.strip()}")
    inner = "".join(f"    {line}\n" for line in cases.splitlines())
    requirement = read(f"{front}```yaml acceptance\n- id: A1\n  says: it works\n  cases:\n{inner}```\n")
    assert [len(case.steps) for case in requirement.criteria[0].cases] == [1, 1, 4]


def test_the_properties_are_valid(tmp_path: Path) -> None:
    (plain,), (given,) = blocks("yaml properties"), blocks("yaml given")
    (tmp_path / "reference.py").write_text("def total(prices): ...\n")
    (tmp_path / "checks.py").write_text("def is_slug(slug, text): ...\n")
    inner = "".join(f"    {line}\n" for line in (plain + given).splitlines())
    source = re.sub(r"  cases:\n.*\n", f"  properties:\n{inner}", whole(), count=1)
    requirement = parse_requirement(source.encode(), None, name="slug", folder=tmp_path)
    found = [one.kind for one in requirement.criteria[0].properties]
    assert sorted(found) == sorted(get_args(PropertyKind))
    section = GUIDE.read_text(encoding="utf-8").split("## Properties")[1].split("## Sealed cases")[0]
    assert set(found) == set(re.findall(r"^\| `(\w+)` \| ", section, re.MULTILINE))
    assert requirement.criteria[0].cases == ()


def test_the_suite_is_valid() -> None:
    (suite,) = blocks("yaml suite")
    source = re.sub(r"^~~~$", f"{suite.strip()}\n~~~", whole(), flags=re.MULTILINE)
    files = {"acceptance/test_slugify.py": b"def test_it(): pass\n"}
    read = parse_requirement(source.encode(), None, name="slug", folder=None, fixtures=files)
    assert read.criteria[-1].suite is not None


def test_the_sealed_cases_are_valid() -> None:
    (sealed,) = blocks("yaml sealed")
    assert len(read(whole(), sealed).criteria[0].sealed) == 1


def test_the_problems_are_those_that_are_shown() -> None:
    (shown,) = blocks("text problems")
    broken = whole()
    for right, wrong in (("library", "libary"), ('"1.00"', "1.00"), ('returns: "hello', 'retuns: "hello')):
        broken = broken.replace(right, wrong)
    with pytest.raises(RequirementInvalid) as refusal:
        read(broken)
    assert str(refusal.value) == shown.strip()


def changing(folder: Path, *, may_change: bool = True) -> Requirement:
    """Return the requirement of the section on changing tests, with its folder of tests."""
    (tests,), (criterion,), (key,) = blocks("python changedtests"), blocks("yaml change"), blocks("yaml maychange")
    place = folder / "changed-tests" / "tests" / "test_shop.py"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(tests)
    front = whole().split("# Slug maker")[0].replace("slugify.py", "shop.py")
    front = front.replace("deliver: library", f"deliver: library\nbase: {{repo: site}}\n{key if may_change else ''}", 1)
    source = f"{front}```yaml acceptance\n{criterion}```\n"
    return parse_requirement(source.encode(), None, name="shop", folder=folder)


def shop() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the base of the section on changing tests, and the right fix."""
    (code,), (tests,) = blocks("python base"), blocks("python basetests")
    fixed = b"def total(prices):\n    if not prices:\n        raise ValueError\n    return sum(prices)\n"
    base = {"shop.py": code.encode(), "tests/test_shop.py": tests.encode()}
    return base, {**base, "shop.py": fixed}


async def verdict_on_shop(sandbox: Bubblewrap, asked: Requirement, tree: dict[str, bytes]) -> tuple[bool, list[str]]:
    found = await judge(
        Candidate(requirement=asked, tree=tree, base=shop()[0], advice=False),
        sandbox=sandbox,
        seed=1,
        allow_degraded=True,
    )
    return found.verified, [finding.kind for finding in found.findings]


@pytest.mark.needs_sandbox
async def test_a_fix_may_change_what_a_test_of_the_base_means(sandbox: Bubblewrap, tmp_path: Path) -> None:
    base, right = shop()
    requirement = changing(tmp_path)
    origin = Origin(files=base, outcomes=tmp_path / "outcomes")
    assert (await check_on_base(requirement, origin, sandbox=sandbox, allow_degraded=True)).problems == ()
    assert await verdict_on_shop(sandbox, requirement, right) == (True, [])


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.needs_sandbox
async def test_nothing_else_may_change_with_it(sandbox: Bubblewrap, tmp_path: Path) -> None:
    base, right = shop()
    without = changing(tmp_path, may_change=False)
    assert await verdict_on_shop(sandbox, without, right) == (False, ["regression"])
    requirement = changing(tmp_path)
    assert await verdict_on_shop(sandbox, requirement, base) == (False, ["nothing_changed", "suite_failed"])
    broken = {**base, "shop.py": right["shop.py"].replace(b"sum(prices)", b"0")}
    refused, kinds = await verdict_on_shop(sandbox, requirement, broken)
    assert (refused, set(kinds)) == (False, {"suite_failed"})
