"""docs/operators.md names exactly the rights of a worker, and the rights fit the streams of the work queue."""

from pathlib import Path

from agents.working_copies.pack_limits import PACKS, UPLOADS
from bus import work_queue
from bus.subjects import PROBE_PREFIX, WORK_PREFIX
from bus.worker_accounts import upload_bucket
from governance.authority import WORKER_RIGHTS
from tests.architecture.worker_table import row

PAGE = Path(__file__).parents[2] / "docs" / "operators.md"


def test_the_page_has_the_rights_of_a_worker() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Credentials of workers")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    assert rows == [row(right) for right in WORKER_RIGHTS]


def test_the_subjects_are_those_of_the_work_queue() -> None:
    subjects = " ".join(right.subject for right in WORKER_RIGHTS)
    assert f".{work_queue.ORDERS}." in subjects
    assert work_queue.RESULTS not in subjects, "a worker writes results by their subject, and reads none"
    assert f"{WORK_PREFIX}.result." in subjects
    assert f"{PROBE_PREFIX}." in subjects
    assert f".OBJ_{PACKS}." in subjects
    assert upload_bucket("far") == f"{UPLOADS}_far"
