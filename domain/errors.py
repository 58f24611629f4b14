"""The kinds of error. Each kind maps to one exit code and to one HTTP status (director/http/problems.py).

`message` states the problem. `hint` states the next step. Any other exception than an AuraError is a defect of the
program, and is shown as a defect.
"""

from typing import ClassVar

from domain.wording import sentences


class AuraError(Exception):
    """Base of all errors that a user may see. `code` is stable and machine-readable."""

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "failed"

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.kind

    def __str__(self) -> str:
        return sentences(self.message, self.hint)

    @property
    def data(self) -> object:
        """The machine-readable data that the error has besides its message. It is None for most errors."""
        return None


class Failed(AuraError):
    """The work was done, and its result is negative."""


class Invalid(AuraError):
    """The input cannot be used as written."""

    exit_code = 2
    kind = "invalid"


class NotFound(AuraError):
    """There is no object with that name or id."""

    exit_code = 3
    kind = "not_found"


class Forbidden(AuraError):
    """This principal has no right to this command, in any state of the organisation."""

    exit_code = 4
    kind = "forbidden"


class Unauthenticated(Forbidden):
    """Nobody is signed in."""

    kind = "unauthenticated"


class Conflict(AuraError):
    """The state differs from the state that the command expects, because another writer was first."""

    exit_code = 5
    kind = "conflict"


class Contention(Conflict):
    """Too many concurrent updates came in a row. This is not a refusal: the same command may succeed later."""


class Differs(AuraError):
    """A check of two things that must be equal found a difference."""

    exit_code = 6
    kind = "differs"


class Refused(AuraError):
    """The law, a limit or the present state forbids the command. The same command may be allowed later."""

    exit_code = 7
    kind = "refused"


class LimitReached(Refused):
    """A named limit (budget, attempts, size) is used up."""

    kind = "limit_reached"


class TooMany(LimitReached):
    """Too many requests of one kind. `retry_s`: the seconds after which the next one may succeed."""

    def __init__(self, message: str, *, hint: str = "", code: str = "too_many", retry_s: int = 60) -> None:
        super().__init__(message, hint=hint, code=code)
        self.retry_s = retry_s


class Unavailable(AuraError):
    """A needed server, program or file is not available."""

    exit_code = 69
    kind = "unavailable"


def said_by(error: BaseException) -> str:
    """Return the text of an exception, or its class name if it has no text (for example a timeout)."""
    return str(error) or type(error).__name__
