"""The kinds of error. Each maps to one exit code and, later, to one HTTP status; each says what to do next.

`message` says what is wrong and `hint` what to write, run or wait for instead. Anything that is not an AuraError
is a defect and is shown as such.
"""

from typing import ClassVar


class AuraError(Exception):
    """Base of all errors that a person may see. `code` is stable and machine-readable."""

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "failed"

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.kind

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class Failed(AuraError):
    """The work was done and the answer is no."""


class Invalid(AuraError):
    """The input cannot be used as written."""

    exit_code = 2
    kind = "invalid"


class NotFound(AuraError):
    """Nothing has that name or id."""

    exit_code = 3
    kind = "not_found"


class Forbidden(AuraError):
    """This principal may not do this, whatever the state."""

    exit_code = 4
    kind = "forbidden"


class Conflict(AuraError):
    """Somebody else wrote first, too often. The same command may be sent again."""

    exit_code = 5
    kind = "conflict"


class Contention(Conflict):
    """Optimistic concurrency was lost too often. No refusal: the same command may well succeed."""


class Differs(AuraError):
    """A check of two things that must be equal found a difference."""

    exit_code = 6
    kind = "differs"


class Refused(AuraError):
    """The law, a limit or the present state says no. It may become legal later."""

    exit_code = 7
    kind = "refused"


class LimitReached(Refused):
    """A named limit (budget, attempts, size) is used up."""

    kind = "limit_reached"


class Unavailable(AuraError):
    """A needed part is missing or down."""

    exit_code = 69
    kind = "unavailable"


def said_by(error: BaseException) -> str:
    """Return the text of an exception, or its name when it has no text (as a timeout)."""
    return str(error) or type(error).__name__
