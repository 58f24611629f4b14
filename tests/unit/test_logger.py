"""The lines of a log: their form in JSON and text, their redaction, and that a full disk stops no process."""

import json
import logging
from io import StringIO
from uuid import UUID

import pytest

from bus.logger import SILENT, Form, open_logger
from bus.outages import Outages
from bus.redaction import Redactor
from director.cli.serving import LogDoor
from director.deployment.process_log import form_of
from director.settings import Settings
from domain.errors import AuraError, Invalid, Unavailable

SECRET = 'p"ss word-4711'
RUN = UUID(int=7)


def told(form: Form, redactor: Redactor, **fields: object) -> str:
    stream = StringIO()
    open_logger(form, stream, redactor, role="verifier").warning("verdict", **fields)
    return stream.getvalue()


def test_a_line_begins_with_when_how_grave_who_what_and_where() -> None:
    text = told("json", Redactor(), seconds=1.5, reason=None, task="t", run=RUN, seq=3)
    assert text.endswith("}\n")
    line = json.loads(text)
    assert list(line) == ["timestamp", "level", "role", "event", "seq", "run", "task", "seconds"]
    assert line | {"timestamp": ""} == {
        "timestamp": "",
        "level": "warning",
        "role": "verifier",
        "event": "verdict",
        "seq": 3,
        "run": str(RUN),
        "task": "t",
        "seconds": 1.5,
    }


def test_people_read_text() -> None:
    text = told("text", Redactor(), run=RUN, why="two\nlines")
    assert text[8:] == f" warning: verifier verdict run={RUN} why=two lines\n"


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_secret_is_taken_out_however_it_is_written(form: Form) -> None:
    written = SECRET if form == "text" else json.dumps(SECRET)[1:-1]
    assert written in told(form, Redactor(), why=f"it said {SECRET}"), "the control"
    assert written not in told(form, Redactor([SECRET]), why=f"it said {SECRET}")


def test_what_is_bound_stands_in_every_line_and_silence_says_nothing() -> None:
    stream = StringIO()
    bound = open_logger("json", stream, Redactor(), role="a").bind(run=RUN)
    bound.info("one")
    bound.bind(role="b").error("two")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["role"], first["run"], second["role"], second["run"]) == ("a", str(RUN), "b", str(RUN))
    SILENT.bind(role="c").info("three")


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    with StringIO() as closed:
        log = open_logger("json", closed, Redactor())
    log.info("after the end")


def test_an_outage_is_told_once_and_an_answer_from_before_it_is_no_end() -> None:
    stream = StringIO()
    outages = Outages(open_logger("json", stream, Redactor()))
    for _ in range(3):
        outages.lost("postgres", "connection refused")
    outages.back("postgres", asked=0.0)
    for _ in range(3):
        outages.back("postgres", asked=float("inf"))
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events == ["unavailable", "available_again"]
    outages.lost("postgres", "again")
    assert json.loads(stream.getvalue().splitlines()[-1])["why"] == "again"


def test_a_form_is_forced_by_name_and_no_other_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AURA_LOG", raising=False)
    assert form_of(Settings()) == "json", "no terminal"
    monkeypatch.setenv("AURA_LOG", "text")
    assert form_of(Settings()) == "text"
    monkeypatch.setenv("AURA_LOG", "xml")
    with pytest.raises(Invalid, match="AURA_LOG"):
        Settings()


class Served:
    """A door whose log is read by programs."""

    def __init__(self) -> None:
        self._stream = StringIO()
        self.door = LogDoor("serve", False, open_logger("json", self._stream, Redactor(), role="hr"))

    def line(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self._stream.getvalue().splitlines()[-1])
        return found


async def ends(error: BaseException) -> None:
    raise error


def test_an_error_is_a_line_with_what_to_do_and_the_exit_code_of_its_kind() -> None:
    served = Served()
    with pytest.raises(SystemExit) as left:
        served.door.run(ends(ExceptionGroup("tasks", [Unavailable("It is away.", hint="Wait.")])))
    assert left.value.code == Unavailable.exit_code
    line = served.line()
    assert (line["event"], line["message"], line["hint"]) == ("failed", "It is away.", "Wait.")


def test_a_defect_is_a_line_with_its_place_and_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AURA_TRACEBACK", raising=False)
    served = Served()
    with pytest.raises(SystemExit) as left:
        served.door.run(ends(ExceptionGroup("tasks", [ValueError("the answer was forty-two")])))
    assert left.value.code == AuraError.exit_code
    line = served.line()
    assert (line["event"], line["level"], line["error"]) == ("defect", "error", "ValueError")
    assert "test_logger.py" in str(line["where"])
    assert "forty-two" not in json.dumps(line)


def test_what_a_library_warns_of_is_a_line_while_the_door_is_at_work() -> None:
    async def work() -> None:
        logging.getLogger("asyncio").info("not worth a line")
        logging.getLogger("asyncio").error("never %s\nmore", "retrieved")

    served = Served()
    before = list(logging.getLogger().handlers)
    served.door.run(work())
    line = served.line()
    assert (line["event"], line["logger"], line["text"]) == ("library", "asyncio", "never retrieved")
    assert logging.getLogger().handlers == before
