"""The rules by which a command's id follows from its cause, for every handler of release 0.1.0.

They are stored as data with the log. `of`: the id from which it starts: the cause, or the run, the order or the
principal of the event, or this system. `path`: the names of each UUIDv5 step. # is a number from 0, and @ is the
command's time.
"""

from typing import TypedDict


class Rule(TypedDict):
    """One way from a cause to a command."""

    of: str
    path: list[str]


_KINDS = ("integrity", "stalled_task", "repeated_failure", "cost_spike", "weak_criteria", "void")
_REACTIONS = (
    *(f"manager.{name}" for name in ("admit", "plan", "deliver", "assign", "start_call", "take_back", "end", "settle")),
    *(f"auditor.{kind}" for kind in _KINDS),
    "hr.strike",
    *(f"{consumer}.parked" for consumer in ("manager", "verifier", "auditor", "accountant", "hr")),
)
RULES: list[Rule] = [
    *(Rule(of="cause", path=[f"{name}/#"]) for name in _REACTIONS),
    {"of": "cause", "path": ["verifier.verdict"]},
    {"of": "order", "path": ["reception.call_finished"]},
    {"of": "order", "path": ["reception.submitted"]},
    {"of": "order", "path": ["due/#"]},
    {"of": "run", "path": ["due/#", "manager.end/#"]},
    {"of": "run", "path": ["merge/#"]},
    {"of": "run", "path": ["delivered/#"]},
    {"of": "run", "path": ["released/#"]},
    {"of": "run", "path": ["manager.settle"]},
    {"of": "system", "path": ["manager/sweep", "@", "manager.assign/#"]},
    {"of": "system", "path": ["manager/sweep", "@", "manager.end/#"]},
    {"of": "principal", "path": ["summary/@"]},
]
