"""docs/people.md names exactly the rights of each role and of each scope."""

from pathlib import Path

from governance.user_rights import USER_MATRIX
from tests.architecture.people_table import rows

PAGE = Path(__file__).parents[2] / "docs" / "people.md"


def test_the_page_has_the_rights_of_people() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## The rights")[2].partition("\n## ")[0]
    written = [line for line in section.splitlines() if line.startswith("| ")][2:]
    assert written == list(rows()), "write the table again from tests/architecture/people_table.py"


def test_readers_change_nothing_and_nobody_founds() -> None:
    assert USER_MATRIX["auditor"] == USER_MATRIX["viewer"] == frozenset()
    assert not any("organisation.founded" in events for events in USER_MATRIX.values())
    assert USER_MATRIX["operator"], "the control: an operator may cause events"
