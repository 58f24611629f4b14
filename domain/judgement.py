"""What the verifier says about one tree, as it stands in an event."""

import msgspec


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `integrity` ones are strikes. `for_author` is all that an employee is ever told of it."""

    kind: str
    integrity: bool
    criterion: str | None = None
    path: str | None = None
    detail: str = ""
    for_author: str = ""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict about one digest of one tree. `evidence` names the blob that holds the whole verdict as JSON."""

    verified: bool
    tree: str
    grade: str
    findings: tuple[Found, ...]
    evidence: str
    seed: int
    sandbox: str
    not_held: tuple[str, ...]
    wall_s: float
