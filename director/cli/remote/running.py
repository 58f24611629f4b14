"""The commands that the HTTP API carries out: each runs as at the command line, in the session of a person."""

import asyncio
import base64
import binascii
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NoReturn, get_args, get_origin
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from typer.models import OptionInfo

from bus.logger import SILENT, Logger
from director.cli.output import Door
from director.cli.remote import messages
from director.cli.remote.offers import Offer, offer_of, refuse_option
from director.cli.remote.upload import written
from director.services.session import DirectorSession, acting_as
from domain.errors import AuraError, Invalid
from domain.message import derive

Work = Callable[..., Coroutine[Any, Any, None]]
WAITING_MAX = 2000
"""Lines of one command that its reader has not received yet. A command that makes lines waits at this number."""
_STRICT = ConfigDict(extra="forbid", strict=True)
_line_of = msgspec.json.Encoder(enc_hook=str)


class TellingDoor(Door):
    """A door that tells each output as a message."""

    def __init__(self, command: str, as_json: bool, waiting: asyncio.Queue[messages.AnyMessage]) -> None:
        self._waiting = waiting
        self._interrupted = ""
        self._answered = False
        self.received = asyncio.Event()
        """Set whenever the reader has received a line."""
        super().__init__(command, as_json)

    @property
    def when_interrupted(self) -> str:
        return self._interrupted

    @when_interrupted.setter
    def when_interrupted(self, text: str) -> None:
        if text != self._interrupted:
            self._interrupted = text
            self._tell(messages.Interrupted(text=text))

    def say(self, text: str = "") -> None:
        self._tell(messages.Say(text=text))

    def note(self, text: str) -> None:
        self._tell(messages.Say(text=text, aside=True))

    def line(self, data: Any, text: str) -> None:
        self._tell(messages.Line(data=_raw(data), text=text))

    async def room(self) -> None:
        """Wait until the reader has received enough lines."""
        while self._waiting.qsize() > WAITING_MAX:
            self.received.clear()
            await self.received.wait()

    def answer(self, data: Any, text: str = "", error: AuraError | None = None) -> None:
        """Tell the answer, which ends the command."""
        shown = error.data if data is None and error is not None else data
        self._tell(messages.Answer(data=_raw(shown), text=text, fault=None if error is None else _fault(error)))
        if error is not None:
            raise SystemExit(error.exit_code)

    def fail(self, error: AuraError, data: Any = None) -> NoReturn:
        self.answer(data, "", error)
        raise SystemExit(error.exit_code)

    def finish(self) -> None:
        """Tell the end of a command that has told no answer."""
        if not self._answered:
            self._tell(messages.End())

    def end(self, error: AuraError) -> None:
        """Tell the error that has ended the command."""
        self._tell(messages.Answer(data=_raw(error.data), fault=_fault(error)))

    def _tell(self, message: messages.AnyMessage) -> None:
        self._answered = self._answered or isinstance(message, messages.Answer)
        self._waiting.put_nowait(message)


class Runner:
    """The commands of the command line that another machine may send. `known`: all commands by name."""

    def __init__(self, known: Mapping[str, Work], log: Logger = SILENT) -> None:
        self._known = known
        self._log = log

    def prepare(self, name: str, options: Mapping[str, Any], files: Mapping[str, str], *, as_json: bool) -> "Prepared":
        """Check a command and its options. Raises Invalid."""
        offer = offer_of(name)
        work = self._known[name]
        given = _checked(name, work, offer, options)
        return Prepared(name, work, offer, given, _decoded(files), as_json=as_json, log=self._log)


class Prepared:
    """One command with its options."""

    def __init__(
        self,
        name: str,
        work: Work,
        offer: Offer,
        options: dict[str, Any],
        files: dict[str, bytes],
        *,
        as_json: bool,
        log: Logger,
    ) -> None:
        self._name, self._work, self._offer = name, work, offer
        self._options, self._files, self._as_json, self._log = options, files, as_json, log

    async def lines(self, opened: DirectorSession, id: UUID) -> AsyncIterator[bytes]:
        """Carry out the command in this session, and yield its messages. Its own errors are its answer."""
        waiting: asyncio.Queue[messages.AnyMessage] = asyncio.Queue()
        door = TellingDoor(self._name, self._as_json, waiting)
        working = asyncio.create_task(self._to_the_end(door, opened, id))
        try:
            while True:
                following = asyncio.ensure_future(waiting.get())
                await asyncio.wait({following, working}, return_when=asyncio.FIRST_COMPLETED)
                if not following.done() and waiting.empty():
                    following.cancel()
                    await working
                    return
                yield _encoded(await following)
                door.received.set()
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    def ended(self, error: AuraError) -> bytes:
        """Return the last line of a command that ends early."""
        return _encoded(messages.Answer(fault=_fault(error)))

    def beat(self) -> bytes:
        """Return the line that shows that the connection lives."""
        return _encoded(messages.Beat())

    async def _to_the_end(self, door: TellingDoor, opened: DirectorSession, id: UUID) -> None:
        try:
            with acting_as(opened, _ids(id)), TemporaryDirectory(prefix="aura-request-") as folder:
                if self._offer.uploads:
                    name = str(self._options[self._offer.uploads])
                    self._options[self._offer.uploads] = await asyncio.to_thread(
                        written, Path(folder), self._files, name
                    )
                wanted = {"settings": opened.settings} if "settings" in inspect.signature(self._work).parameters else {}
                await self._work(door, **wanted, **self._options)
                door.finish()
        except SystemExit:
            pass  # the door has told the error
        except Exception as error:
            first = first_error(error)
            if not isinstance(first, AuraError):
                self._log.error("defect", error=type(first).__name__, path=self._name)
                first = AuraError("This is a defect of Aura.", hint="The log of its process names it.", code="defect")
            door.end(first)


def first_error(error: BaseException) -> BaseException:
    """Return the first error of a group of tasks: the others are its consequences."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _ids(id: UUID) -> Iterator[UUID]:
    """Yield the ids of the commands of one request: the same request with the same key has the same ids."""
    number = 0
    while True:
        number += 1
        yield derive(id, number)


def _checked(name: str, work: Work, offer: Offer, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a command with their types, without those that work only here. Raises Invalid."""
    fields: list[tuple[str, Any, Any]] = []
    limits: dict[str, OptionInfo] = {}
    for each in list(inspect.signature(work).parameters.values()):
        if each.name in ("door", "settings"):
            continue
        kind, info = _kind_of(each.annotation)
        if each.name in offer.not_here and options.get(each.name) is not None:
            raise refuse_option(name, each.name)
        required = each.default is inspect.Parameter.empty
        if each.name == offer.uploads:
            kind = str
        elif each.name in offer.not_here:
            kind = None
        fields.append((each.name, kind, ... if required else each.default))
        if info is not None:
            limits[each.name] = info
    typed: dict[str, Any] = {option: (kind, default) for option, kind, default in fields}
    made: type[BaseModel] = create_model("Options", __config__=_STRICT, **typed)
    try:
        given = dict(made.model_validate(dict(options)))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise Invalid(
            f"The options of `aura {name}` are not valid: {wrong}.",
            hint="Use the same release of aura on both machines.",
        ) from None
    for option, info in limits.items():
        _in_limits(option, given[option], info)
    return given


def _kind_of(annotation: Any) -> tuple[Any, OptionInfo | None]:
    """Return the type of an option, and what typer knows about it."""
    if get_origin(annotation) is not Annotated:
        return annotation, None
    kind, *notes = get_args(annotation)
    return kind, next((note for note in notes if isinstance(note, OptionInfo)), None)


def _in_limits(name: str, value: Any, info: OptionInfo) -> None:
    """Raise Invalid if a number is outside the limits of its option."""
    if not isinstance(value, int | float):
        return
    if (info.min is not None and value < info.min) or (info.max is not None and value > info.max):
        raise Invalid(f"--{name.replace('_', '-')} {value} is outside its limits.", hint="`aura COMMAND --help`")


def _decoded(files: Mapping[str, str]) -> dict[str, bytes]:
    """Decode base64. Raises Invalid."""
    try:
        return {path: base64.b64decode(content, validate=True) for path, content in files.items()}
    except (binascii.Error, ValueError):
        raise Invalid("A file of the request is not base64.", hint="See /openapi.json") from None


def _fault(error: AuraError) -> messages.Fault:
    return messages.Fault(kind=error.kind, code=error.code, message=error.message, hint=error.hint)


def _raw(data: Any) -> msgspec.Raw:
    return msgspec.Raw(_line_of.encode(data))


def _encoded(message: messages.AnyMessage) -> bytes:
    return _line_of.encode(message) + b"\n"
