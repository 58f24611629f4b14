"""Bodies of requests. Unknown fields are refused."""

from pydantic import BaseModel, ConfigDict, Field

from director.services.submit import ATTEMPTS_MAX

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


class Approval(Body):
    """The commit is the one that was shown. Another commit is not approved."""

    commit: str = Field(min_length=7, max_length=64)
    reason: str = Field(default="", max_length=REASON_CHARACTERS_MAX)


class Request(Body):
    """A requirement file, and its sealed cases."""

    requirement: str = Field(min_length=1, max_length=REQUIREMENT_CHARACTERS_MAX)
    sealed: str = Field(default="", max_length=REQUIREMENT_CHARACTERS_MAX)
    attempts_max: int = Field(default=ATTEMPTS_MAX, ge=1, le=100)
