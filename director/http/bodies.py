"""Bodies of requests. Unknown fields are refused."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from director.services.submit import ATTEMPTS_MAX
from domain.money import Amount
from domain.run_acts import COMMENT_CHARACTERS_MAX

FILES_MAX = 400
REASON_CHARACTERS_MAX = 4000
REQUIREMENT_CHARACTERS_MAX = 400_000


class Body(BaseModel):
    """A JSON object with only the named fields."""

    model_config = ConfigDict(extra="forbid", strict=True)


class SignIn(Body):
    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)


class Reason(Body):
    reason: str = Field(min_length=1, max_length=REASON_CHARACTERS_MAX)


class Password(Body):
    password: str = Field(max_length=1024)


class Comment(Body):
    """A comment on a task, by its name; without a task, on all tasks."""

    text: str = Field(min_length=1, max_length=COMMENT_CHARACTERS_MAX)
    task: str = Field(default="", max_length=128)


class Return(Body):
    """The commit is the one that was shown. Another commit is not returned."""

    commit: str = Field(min_length=7, max_length=64)
    comments: list[Comment] = Field(min_length=1, max_length=20)


class Override(Body):
    """The typed confirmation is `not verified`. Without a task, all recorded work is released."""

    reason: str = Field(min_length=1, max_length=REASON_CHARACTERS_MAX)
    confirmation: str = Field(max_length=64)
    task: str = Field(default="", max_length=128)
    attempt: int = Field(default=0, ge=0)


class Raise(Body):
    """A larger budget of a run, or of one of its tasks. `usd` is a decimal number in a string."""

    usd: Annotated[str, Field(pattern=r"^\d{1,9}(\.\d{1,12})?$")] = "0"
    tokens: int = Field(default=0, ge=0, le=10**15)
    task: str = Field(default="", max_length=128)
    reason: str = Field(default="", max_length=REASON_CHARACTERS_MAX)

    def amount(self) -> Amount:
        return Amount(Decimal(self.usd), self.tokens)


class Blacklisting(Body):
    """A version, or the name of an employee that has it."""

    version: str = Field(min_length=1, max_length=128)
    reason: str = Field(min_length=1, max_length=REASON_CHARACTERS_MAX)


class Approval(Body):
    """The commit is the one that was shown. Another commit is not approved."""

    commit: str = Field(min_length=7, max_length=64)
    reason: str = Field(default="", max_length=REASON_CHARACTERS_MAX)


class Request(Body):
    """A requirement file, and its sealed cases."""

    requirement: str = Field(min_length=1, max_length=REQUIREMENT_CHARACTERS_MAX)
    sealed: str = Field(default="", max_length=REQUIREMENT_CHARACTERS_MAX)
    attempts_max: int = Field(default=ATTEMPTS_MAX, ge=1, le=100)


class Command(Body):
    """The options of a command of the command line. `files`: a requirement and the files that it names, in base64."""

    options: dict[str, JsonValue] = Field(default={}, max_length=100)
    as_json: bool = False
    files: dict[str, str] = Field(default={}, max_length=FILES_MAX)
