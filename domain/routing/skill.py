"""The skill that a task needs. It is derived from the requirement's fields, and each part can be overridden."""

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from domain.attempt import Form
from domain.errors import Invalid

SizeClass = Literal["small", "medium", "large"]
Risk = Literal["normal", "high"]

SMALL_CRITERIA_MAX = 2
SMALL_PATHS_MAX = 2
MEDIUM_CRITERIA_MAX = 6
MEDIUM_PATHS_MAX = 8
RISKY_WORDS = frozenset(
    (
        "auth",
        "credential",
        "crypto",
        "migration",
        "migrations",
        "password",
        "payment",
        "permission",
        "secret",
        "security",
    )
)
"""Words of a path that make a change of it risky."""


class TaskFacts(Struct, frozen=True, kw_only=True):
    """The fields of a requirement and its task from which the skill follows. `paths`: the paths that it may write."""

    deliver: str
    language: str
    criteria: int
    paths: tuple[str, ...]
    form: Form = "answer"


class Skill(Struct, frozen=True, kw_only=True):
    """One kind of work. Evidence is counted for each version of an employee and each skill."""

    deliver: str
    language: str
    size: SizeClass
    form: Form
    risk: Risk = "normal"

    @property
    def key(self) -> str:
        """The text that names the skill in rows and events."""
        return "/".join((self.deliver, self.language, self.size, self.form, self.risk))


def skill_of(facts: TaskFacts, overrides: Mapping[str, str] | None = None) -> Skill:
    """Return the skill that a task needs. `overrides`: parts of the skill that the requirement states itself.

    Raises Invalid for a part or a value that does not exist.
    """
    derived = Skill(
        deliver=facts.deliver,
        language=facts.language,
        size=_size(facts),
        form=facts.form,
        risk="high" if any(_is_risky(path) for path in facts.paths) else "normal",
    )
    for part, value in (overrides or {}).items():
        allowed = _ALLOWED.get(part, ())
        if part not in Skill.__struct_fields__ or (allowed and value not in allowed):
            raise Invalid(
                f"A skill cannot have {part}: {value}.",
                hint=f"Write one of: {', '.join(allowed or Skill.__struct_fields__)}.",
            )
        derived = replace(derived, **{part: value})
    return derived


_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "size": get_args(SizeClass),
    "risk": get_args(Risk),
    "form": get_args(Form),
}


def _size(facts: TaskFacts) -> SizeClass:
    paths = len(facts.paths)
    if facts.criteria <= SMALL_CRITERIA_MAX and paths <= SMALL_PATHS_MAX:
        return "small"
    return "medium" if facts.criteria <= MEDIUM_CRITERIA_MAX and paths <= MEDIUM_PATHS_MAX else "large"


def _is_risky(path: str) -> bool:
    words = path.lower().replace("_", "/").replace("-", "/").replace(".", "/").split("/")
    return not RISKY_WORDS.isdisjoint(words)
