"""The worker of each employee, and the probe that it answers with its own environment and connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from msgspec.structs import replace

from agents.employees import postings
from agents.employees.call_errors import CallFailed
from agents.employees.contract import ModelResult
from agents.employees.posting import Posting
from agents.employees.providers.scripted import ScriptedEmployee
from agents.workers import pool
from agents.workers.pool import Workers
from agents.workers.probing import Question, Served, WorkerReport
from agents.workers.worker import OrderMessage, Worker
from bus.probes import Answer
from tests.permitting import Permitting
from tests.unit.test_workers import Nothing

POLL_S = 0.01
WAIT_S = 120.0
TURNS_MAX = 2000
CURLY = "\N{LEFT SINGLE QUOTATION MARK}k\N{RIGHT SINGLE QUOTATION MARK}"
OPENAI = "https://api.openai.com/v1"
_report = msgspec.json.Decoder(WorkerReport)


class Given(Permitting):
    """An order on the queue for the next worker that asks after `comes` is set."""

    data = b"{}"

    def __init__(self) -> None:
        self.comes = asyncio.Event()
        self.taken = asyncio.Event()
        self.given_back = asyncio.Event()

    async def next_order(self, _employee: UUID, wait_s: float, _stop: asyncio.Event, /) -> OrderMessage | None:
        await asyncio.wait_for(self.comes.wait(), wait_s)
        self.comes.clear()
        return self

    async def send_result(self, _employee: UUID, _id: str, _data: bytes, /) -> None:
        raise AssertionError("nothing is handed in")

    async def done(self) -> bool:
        self.taken.set()
        return False

    async def again(self, _wait_s: float, /) -> None:
        self.given_back.set()


class Idle(Permitting):
    """A queue without orders."""

    async def next_order(self, _employee: UUID, _wait_s: float, _stop: asyncio.Event, /) -> OrderMessage | None:
        await asyncio.sleep(POLL_S)
        return None

    async def send_result(self, _employee: UUID, _id: str, _data: bytes, /) -> None:
        raise AssertionError("nobody has work")


class Asked:
    """The place where the process receives probes: employee -> the object that answers."""

    def __init__(self) -> None:
        self.answers: dict[UUID, Answer] = {}

    async def serve(self, employee: UUID, answer: Answer, /) -> None:
        assert employee not in self.answers
        self.answers[employee] = answer

    async def end(self, employee: UUID, /) -> None:
        self.answers.pop(employee, None)

    async def report(self, employee: UUID, *, call: bool = True) -> WorkerReport:
        question = msgspec.json.encode(Question(call=call, wait_s=WAIT_S))
        return _report.decode(await self.answers[employee](question))


class Staffed:
    """The workers of a process for a folder of postings. `built`: each posting from which an employee was made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked = Asked()
        self.built: list[Posting] = []

    def build(self, posting: Posting, _environment: object) -> ScriptedEmployee:
        self.built.append(posting)
        return ScriptedEmployee(id=posting.id, name=posting.name, script=Nothing())

    async def until(self, true: Callable[[], bool]) -> None:
        for _ in range(TURNS_MAX):
            if true():
                return
            await asyncio.sleep(POLL_S)
        raise AssertionError("it never came")


@asynccontextmanager
async def at_work(folder: Path, names: list[str] | None = None) -> AsyncIterator[Staffed]:
    staffed, stop = Staffed(folder), asyncio.Event()
    workers = Workers(folder, names, Idle, staffed.build, {}, probes=staffed.asked)
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        group.create_task(workers.run(stop))
        yield staffed
        stop.set()  # a worker that nobody has told to end would go on: the time limit fails the test


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "RESCAN_S", POLL_S)


def anna(**changes: object) -> Posting:
    return replace(Posting(name="anna", kind="scripted", script="a.json", hired_as=UUID(int=1)), **changes)


@pytest.mark.parametrize("names", [None, ["anna"]], ids=["everybody", "by name"])
async def test_an_update_and_a_new_name_are_followed_and_a_dismissal_ends_the_worker(
    tmp_path: Path, names: list[str] | None
) -> None:
    postings.save(tmp_path, anna())
    async with at_work(tmp_path, names) as staffed:
        answers = staffed.asked.answers
        await staffed.until(lambda: UUID(int=1) in answers)
        postings.save(tmp_path, anna(slots=2))
        await staffed.until(lambda: [posting.slots for posting in staffed.built] == [1, 2])
        postings.save(tmp_path, anna(slots=2, name="bea"))
        postings.path_of(tmp_path, "anna").unlink()
        await staffed.until(lambda: [posting.name for posting in staffed.built][-1] == "bea")
        (tmp_path / "broken.json").write_text("{")
        await asyncio.sleep(5 * POLL_S)
        assert UUID(int=1) in answers, "a file that cannot be read dismisses nobody"
        (tmp_path / "broken.json").unlink()
        postings.remove(tmp_path, UUID(int=1))
        await staffed.until(lambda: not answers)


@pytest.mark.parametrize(
    ("told", "replaced"),
    [(False, False), (True, True), (True, False)],
    ids=["control: at work", "replaced", "the process ends"],
)
async def test_a_late_order_is_left_to_the_worker_that_replaces_this_one(told: bool, replaced: bool) -> None:
    """Without another worker it is called: its call has started on record, and would be charged for nothing."""
    given, stop = Given(), asyncio.Event()
    worker = Worker(ScriptedEmployee(id=uuid4(), name="anna", script=Nothing()), given)
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        group.create_task(worker.run(stop))
        await asyncio.sleep(0)  # it waits for an order
        worker.replaced = replaced
        if told:
            stop.set()
        given.comes.set()
        await (given.given_back if replaced else given.taken).wait()
        stop.set()
        given.comes.set()
    assert given.taken.is_set() is not replaced


class Calling(ScriptedEmployee):
    """An employee whose probe has this result."""

    def __init__(self, act: Callable[[], Awaitable[None]]) -> None:
        super().__init__(id=uuid4(), name="anna", script=Nothing())
        self._act = act

    async def probe(self) -> ModelResult:
        await self._act()
        return await super().probe()


def raising(error: Exception) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        raise error

    return act


async def well() -> None:
    return None


async def hanging() -> None:
    await asyncio.sleep(WAIT_S)


def hosted(**changes: object) -> Posting:
    return replace(Posting(name="gpt", kind="openai", base_url=OPENAI, api_key_env="MY_KEY"), **changes)


UNSET = (
    "MY_KEY is not set for the worker. Set MY_KEY (or MY_KEY_FILE) in the shell that runs `aura up`, "
    "then run `aura down` and `aura up`."
)
AUTH = CallFailed("auth", "It answered 401.")
REFUSED = CallFailed("auth", "x answered 401: Incorrect API key provided")
AWAY = CallFailed("connection", "It cannot be reached.")
OWN = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("posting", "environment", "act", "problem"),
    [
        (hosted(), {"MY_KEY": "k"}, well, ""),
        (hosted(), {"MY_KEY": "k"}, raising(AUTH), str(AUTH)),
        (hosted(), {}, raising(AUTH), f"It answered 401. {UNSET}"),
        (hosted(), {}, raising(REFUSED), f"x answered 401: Incorrect API key provided. {UNSET}"),
        (hosted(), {}, raising(AWAY), f"It cannot be reached. {UNSET}"),
        (hosted(base_url=OWN), {}, well, ""),
        (hosted(base_url=OWN), {}, raising(AUTH), f"It answered 401. {UNSET}"),
        (hosted(base_url=OWN), {}, raising(AWAY), str(AWAY)),
        (hosted(), {"MY_KEY": "k"}, raising(RuntimeError("secret")), "This employee cannot be called: RuntimeError."),
        (hosted(), {"MY_KEY": "k"}, hanging, "No answer within 0.1 s."),
    ],
)
async def test_a_call_is_made_with_what_the_worker_has(
    posting: Posting, environment: dict[str, str], act: Callable[[], Awaitable[None]], problem: str
) -> None:
    report = await Served(posting, environment, Calling(act)).report(Question(call=True, wait_s=0.1))
    assert report.problem == problem
    assert (report.said[:2] == "ok") == (report.seconds is not None) == (not problem)
    assert report.key == ("set" if environment else "unset")


@pytest.mark.parametrize(
    ("posting", "environment", "key", "said"),
    [
        (hosted(), {}, "unset", UNSET),
        (hosted(), {"MY_KEY": CURLY}, "unusable", "The key in MY_KEY has a curly quote"),
        (hosted(base_url=OWN), {}, "unset", f"{OWN} cannot be reached: "),
        (hosted(base_url=OWN, api_key_env=""), {}, "none", f"{OWN} cannot be reached: "),
        (anna(), {}, "none", ""),
    ],
)
async def test_without_a_call_key_and_server_are_looked_at(
    posting: Posting, environment: dict[str, str], key: str, said: str
) -> None:
    report = await Served(posting, environment, Calling(hanging)).report(Question(call=False, wait_s=0.1))
    assert report.said.startswith(said or "ok")
    assert bool(report.key_problem) == (key in ("unset", "unusable") and posting.base_url == OPENAI)
    assert (report.key, report.seconds) == (key, None)


async def test_a_server_that_listens_is_reached() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        posting = hosted(base_url=f"http://127.0.0.1:{port}/v1")
        report = await Served(posting, {}, Calling(hanging)).report(Question(call=False, wait_s=1.0))
    assert (report.said, report.key, report.key_problem) == ("ok", "unset", "")


async def test_who_cannot_be_built_is_told_and_not_called() -> None:
    served = Served(hosted(), {}, None, "It cannot be built.")
    for call in (True, False):
        assert (await served.report(Question(call=call, wait_s=1.0))).problem == "It cannot be built."
