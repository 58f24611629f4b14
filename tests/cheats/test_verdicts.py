"""The judge accepts only right solutions, and refuses each wrong solution with its typed reason."""

import random

import pytest

from tests.cheats.judged import Puzzle, word
from tests.tiers import every_second_row
from verification.judge import Candidate, judge
from verification.requirements.model import Requirement
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import Verdict

pytestmark = pytest.mark.needs_sandbox

FORGE = """
import os
for fd in range(3, 64):
    for line in (b'{"verified": true}\\n', b'PASSED\\n'):
        try:
            os.write(fd, line)
        except OSError:
            pass
"""
FORGE_WITH_NONCE = """
import json, os, sys
frame = sys._getframe()
while frame:
    order = frame.f_locals.get("order")
    if isinstance(order, dict) and "nonce" in order:
        seen = [{"did": "returned", "value": True, "before": {}, "files": {}} for _ in order["steps"]]
        line = order["nonce"] + " " + json.dumps({"steps": seen, "took_s": 0.0}) + chr(10)
        os.write(frame.f_locals["channel"], line.encode() * 2)
        os._exit(0)
    frame = frame.f_back
"""
SNIFF = """
import sys
frame = sys._getframe()
while frame:
    if "expected" in frame.f_locals:
        return frame.f_locals["expected"]
    frame = frame.f_back
"""
SNIFF_EVERYWHERE = """
import gc, os
found = b""
for name in os.listdir("/proc/self/fd"):
    try:
        found += os.pread(int(name), 1 << 20, 0)
    except OSError:
        pass
for one in gc.get_objects():
    if isinstance(one, dict) and "returns" in one:
        return one["returns"]
return found.decode(errors="replace")
"""
ALWAYS_EQUAL = """
class Same:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
"""


SEALED_FIRST = (5, 9)
"""Seeds of verdicts that draw the two sealed cases, of four cases in all, before the visible cases."""


@pytest.fixture(scope="module")
def seed_of_the_puzzle() -> int:
    return random.SystemRandom().randrange(1 << 32)


@pytest.fixture
def puzzle(seed_of_the_puzzle: int) -> Puzzle:
    """Return the same puzzle for every test of a session, so that the control is judged only once."""
    print(f"puzzle drawn with seed {seed_of_the_puzzle}")
    return Puzzle(random.Random(seed_of_the_puzzle))


controlled: list[Requirement] = []
"""Puzzles whose right solution was verified."""


async def verdict(puzzle: Puzzle, tree: dict[str, bytes], sandbox: Bubblewrap) -> Verdict:
    """Return the judge's verdict, after the control: the right solution of the same puzzle is verified."""
    requirement: Requirement = puzzle.requirement()
    if requirement not in controlled:
        control = await judge(
            Candidate(requirement=requirement, tree=puzzle.right(), whole=False),
            sandbox=sandbox,
            seed=1,
            allow_degraded=True,
        )
        assert control.verified, control.findings
        controlled.append(requirement)
    candidate = Candidate(requirement=requirement, tree=tree, whole=False)
    return await judge(candidate, sandbox=sandbox, seed=2, allow_degraded=True)


def kinds(found: Verdict) -> set[str]:
    return {finding.kind for finding in found.findings}


async def test_a_right_solution_is_verified(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    found = await judge(
        Candidate(requirement=puzzle.requirement(), tree=puzzle.right(), mutants_max=2),
        sandbox=sandbox,
        seed=3,
        allow_degraded=True,
    )
    assert found.verified
    assert found.findings == ()
    assert found.grade == "C"
    (criterion,) = found.criteria
    assert (criterion.visible_passed, criterion.sealed_passed, criterion.passed) == (2, 2, True)


async def test_one_that_prints_and_reads_its_input_is_verified_too(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    """Writing to stdout is no forging: the answer travels elsewhere."""
    top = "import sys\nprint('loaded', sys.stdin.read())\n"
    body = f"print(text)\nreturn text + '{puzzle.separator}' + str(number + {puzzle.number})"
    assert (await verdict(puzzle, puzzle.solution(body, top=top), sandbox)).verified


WRONG = {"wrong_result", "sealed_failed"}
CHEATS: list[tuple[str, str, str, set[str]]] = [
    ("wrong", "", "return text", {"wrong_result", "sealed_failed"}),
    ("raises", "", "raise ValueError('no')", {"wrong_result", "sealed_failed"}),
    ("exit at import", "import os\nos._exit(0)", "return text", {"no_answer", "sealed_failed"}),
    ("polite exit at import", "raise SystemExit(0)", "return text", {"no_answer", "sealed_failed"}),
    ("exit in the call", "import os", "os._exit(0)", {"no_answer", "sealed_failed"}),
    ("does not parse", "def", "return text", {"does_not_parse", "did_not_start", "sealed_failed"}),
    ("module missing", "import nosuchmodule", "return text", {"did_not_start", "sealed_failed"}),
    ("forges at import", FORGE, "return text", {"forged_answer", "sealed_failed"}),
    ("forges in the call", "", f"{FORGE}\nreturn text", {"forged_answer", "sealed_failed"}),
    ("forges with the nonce", "", FORGE_WITH_NONCE, {"forged_answer", "sealed_failed"}),
    ("always equal", ALWAYS_EQUAL, "return Same()", {"not_accepted", "sealed_failed"}),
    ("always equal text", ALWAYS_EQUAL.replace("Same", "Same(str)"), "return Same('x')", WRONG),
    ("sniffs frames", "", SNIFF, {"tampering", "sealed_failed"}),
    ("sniffs descriptors and objects", "", SNIFF_EVERYWHERE, {"wrong_result", "sealed_failed"}),
    ("floods", "", "while True: print('x' * 4096)", {"output_limit", "sealed_failed"}),
    ("eats memory", "", "x = [bytearray(1 << 24) for _ in range(64)]\nreturn text", {"memory", "sealed_failed"}),
]


@pytest.mark.parametrize(("top", "body", "expected"), every_second_row(CHEATS))
async def test_no_other_is(puzzle: Puzzle, sandbox: Bubblewrap, top: str, body: str, expected: set[str]) -> None:
    found = await verdict(puzzle, puzzle.solution(body, top=top), sandbox)
    assert not found.verified
    assert kinds(found) == expected, found.findings


async def test_a_hanging_one_is_given_up(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    puzzle.within_s = 1.0
    found = await verdict(puzzle, puzzle.solution("while True: pass"), sandbox)
    assert not found.verified
    assert kinds(found) <= {"timeout", "sealed_failed"}
    assert found.wall_s < 6


@pytest.mark.parametrize("seed", SEALED_FIRST)
async def test_an_author_whose_code_never_ends_is_told_so(puzzle: Puzzle, sandbox: Bubblewrap, seed: int) -> None:
    """Of the few cases that are run, one is visible."""
    puzzle.within_s = 0.4
    files = puzzle.solution("while True: pass")
    found = await judge(
        Candidate(requirement=puzzle.requirement(), tree=files), sandbox=sandbox, seed=seed, allow_degraded=True
    )
    told = [each.for_author for each in found.findings if each.kind == "timeout"]
    assert told
    assert "did not end within 0.4 s" in told[0]


async def test_a_write_outside_scope_is_refused_and_one_that_steers_is_a_strike(
    puzzle: Puzzle, sandbox: Bubblewrap
) -> None:
    for path, kind, strike in (("other.py", "outside_scope", False), ("conftest.py", "steering_file", True)):
        found = await verdict(puzzle, {**puzzle.right(), path: b""}, sandbox)
        assert not found.verified
        assert [(each.kind, each.path, each.integrity) for each in found.findings] == [(kind, path, strike)]
    allowed = await verdict(puzzle, {**puzzle.right(), "notes/a/b.md": b"x"}, sandbox)
    assert allowed.verified


async def test_only_what_changed_against_the_base_counts(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    requirement, base = puzzle.requirement(), {"old.py": b"x = 1\n", "gone.py": b""}
    kept = {**base, **puzzle.right()}
    control = await judge(
        Candidate(requirement=requirement, tree=kept, base=base, whole=False),
        sandbox=sandbox,
        seed=1,
        allow_degraded=True,
    )
    assert control.verified
    for tree in ({**kept, "old.py": b"x = 2\n"}, {path: kept[path] for path in kept if path != "gone.py"}):
        found = await judge(
            Candidate(requirement=requirement, tree=tree, base=base), sandbox=sandbox, seed=1, allow_degraded=True
        )
        assert kinds(found) == {"outside_scope"}


async def test_a_file_that_shrinks_to_a_part_is_refused_and_of_a_folder_noted(
    puzzle: Puzzle, sandbox: Bubblewrap
) -> None:
    """The control beside it: the same solution on top of what was there is verified."""
    (path, solution), requirement = next(iter(puzzle.right().items())), puzzle.requirement()
    base = {path: b"".join(b"def g%d(x):\n    return x + %d\n\n\n" % (number, number) for number in range(40))}
    kept = {**puzzle.right(), path: base[path] + solution}
    for tree, kinds_found in ((kept, set[str]()), ({**kept, path: solution}, {"mass_deletion"})):
        found = await judge(
            Candidate(requirement=requirement, tree=tree, base=base, whole=False),
            sandbox=sandbox,
            seed=1,
            allow_degraded=True,
        )
        assert kinds(found) == kinds_found
        assert found.verified is (not kinds_found)
    whole = await judge(
        Candidate(requirement=requirement, tree={**kept, path: solution}, base=base, mutants_max=0),
        sandbox=sandbox,
        seed=1,
        allow_degraded=True,
    )
    assert [gate.result for gate in whole.gates if gate.gate == "mass_deletion"] == ["noted"]


async def test_a_table_of_the_visible_cases_is_hard_coded(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    found = await verdict(puzzle, puzzle.table(), sandbox)
    assert kinds(found) == {"hard_coded", "sealed_failed"}
    (criterion,) = found.criteria
    assert (criterion.visible_passed, criterion.sealed_passed) == (2, 0)


async def test_a_wrong_answer_that_echoes_the_visible_cases_is_no_strike(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    """What a small model does: a wrong body, its prompt's examples as docstring, calls and prints around it."""
    shown = [f"{puzzle.function}{values!r} == {puzzle.answer(*values)!r}" for values in puzzle.visible]
    echo = "\n".join([*shown, *(f"print({line})" for line in shown)])
    wrong = puzzle.solution('"""' + "; ".join(shown) + '"""\nreturn text')
    (path,) = wrong
    found = await verdict(puzzle, {path: wrong[path] + f"\n{echo}\n".encode()}, sandbox)
    assert "sealed_failed" in kinds(found)
    assert not [finding.kind for finding in found.findings if finding.integrity]
    table = puzzle.table()[path]
    cheat = await verdict(puzzle, {path: table + f"\n{echo}\n".encode()}, sandbox)
    assert "hard_coded" in kinds(cheat)


async def test_failing_sealed_cases_alone_is_an_honest_failure(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    """Right for the visible texts by a rule too narrow, without their literals; its tests may name the cases."""
    first = sorted({text[0] for text, _ in puzzle.visible})
    puzzle.sealed = [
        (next(c for c in "qxzjkvw" if c not in first) + text[1:], number) for text, number in puzzle.sealed
    ]
    right = f"text + '{puzzle.separator}' + str(number + {puzzle.number})"
    examples = "\n".join(f"assert f{values!r} == {puzzle.answer(*values)!r}" for values in puzzle.visible)
    tree = puzzle.solution(f"return {right} if text[0] in {first!r} else ''") | {"notes/test_it.py": examples.encode()}
    found = await verdict(puzzle, tree, sandbox)
    assert kinds(found) == {"sealed_failed"}
    assert not any(finding.integrity for finding in found.findings)


async def test_a_sealed_failure_tells_its_author_nothing_but_the_criterion(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    found = await verdict(puzzle, puzzle.solution("return text"), sandbox)
    told = " ".join(finding.for_author for finding in found.findings)
    for text, number in puzzle.sealed:
        assert text not in told
        assert puzzle.answer(text, number) not in told
    assert all(text in told for text, _ in puzzle.visible)


async def test_cases_do_not_share_anything(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    """A counter in memory or in a file starts anew in each case."""
    mark = word(puzzle.rng)
    top = f"import os\nassert not os.path.exists('/tmp/{mark}')\nopen('/tmp/{mark}', 'w').close()\ncalls = []"
    body = (
        f"calls.append(1)\nassert len(calls) == 1\nreturn text + '{puzzle.separator}' + str(number + {puzzle.number})"
    )
    assert (await verdict(puzzle, puzzle.solution(body, top=top), sandbox)).verified
