"""Remarks about a base's file count only if the author changed the line."""

from tests.cheats.test_base_suite import subject
from verification.gates.stubs import Stubs
from verification.gates.syntax import own_lines
from verification.sandbox.bubblewrap import Bubblewrap

OLD = b"def old():\n    pass  # TODO: write it\n\n\ndef kept():\n    return 1\n"
NEW = b"def old():\n    pass  # TODO: write it\n\n\ndef kept():\n    return 2  # TODO: is it?\n"


def test_a_line_is_the_authors_if_it_is_new_or_changed() -> None:
    is_own = own_lines(subject(Bubblewrap(), {"a.py": NEW, "new.py": NEW}, {"a.py": OLD}))
    assert [line for line in range(1, 7) if is_own("a.py", line)] == [6]
    assert all(is_own("new.py", line) for line in range(1, 7))


async def test_what_the_base_left_undone_is_not_the_authors() -> None:
    changed = await Stubs().ask(subject(Bubblewrap(), {"a.py": NEW}, {"a.py": OLD}))
    assert changed.evidence["found"] == ["a.py, line 6: TODO"]
    control = await Stubs().ask(subject(Bubblewrap(), {"a.py": NEW}, {}))
    assert len(control.evidence["found"]) == 3
