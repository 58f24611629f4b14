"""A small organisation without permissions: any command may be sent. The properties of the domain are tested on it."""

from uuid import UUID

import msgspec

from domain import chat, employee, incident, run, user
from domain import organisation as office
from domain.errors import AuraError
from domain.message import Command, Event
from domain.registry import CONSULTS, DECIDERS, WITH_ORGANISATION, scope_of
from domain.run import RunState
from tests.unit.samples import uuid

RUNS = (uuid(1), uuid(2))
STAFF = (uuid(11), uuid(12))
ORDERS = (uuid(21), uuid(22))
CLAIMS = (uuid(41), uuid(42))
INCIDENTS = (uuid(31), uuid(32), uuid(33))
MESSAGES = (uuid(51), uuid(52))
NAMES = ("T1", "T2")


class World(msgspec.Struct):
    """The states of all entities, and the events so far."""

    organisation: office.OrganisationState = office.initial
    runs: dict[UUID, RunState] = {}
    staff: dict[UUID, employee.EmployeeState] = {}
    incidents: dict[UUID, incident.IncidentState] = {}
    users: dict[UUID, user.UserState] = {}
    messages: dict[UUID, chat.MessageState] = {}
    log: list[Event] = []

    def states(self, command: Command) -> tuple[object, ...]:
        """Return the state on which the command is decided. Some commands need two states."""
        scope = scope_of(command)
        match scope.kind:
            case "organisation":
                return (self.organisation,)
            case "employee":
                return (self.staff.get(scope.id, employee.initial),)
            case "incident":
                return (self.incidents.get(scope.id, incident.initial),)
            case "user":
                return (self.users.get(scope.id, user.initial),)
            case "chat":
                return (self.messages.get(scope.id, chat.initial),)
        state = self.runs.get(scope.run or scope.id, run.initial)
        return (self.organisation, state) if type(command) in WITH_ORGANISATION else (state,)

    def decide(self, command: Command) -> tuple[Event, ...] | AuraError:
        """Return the events, or the refusal as a value. The world does not change."""
        states = self.states(command)
        try:
            if type(command) in WITH_ORGANISATION:
                return WITH_ORGANISATION[type(command)](command, *states)  # type: ignore[arg-type]  # states() made the pair
            kind = scope_of(command).kind
            events = DECIDERS["run" if kind == "task" else kind][1](command, *states)
            if events and type(command) in CONSULTS:
                CONSULTS[type(command)](command, self.organisation, *states)  # type: ignore[arg-type]  # of a run
            return events
        except AuraError as error:
            return error

    def apply(self, event: Event) -> None:
        """Fold one event into its entity. An event of a task is folded into its run."""
        self.log.append(event)
        match event.entity():
            case "organisation", _:
                self.organisation = office.evolve(self.organisation, event)
            case "employee", key:
                self.staff[key] = employee.evolve(self.staff.get(key, employee.initial), event)
            case "incident", key:
                self.incidents[key] = incident.evolve(self.incidents.get(key, incident.initial), event)
            case "user", key:
                self.users[key] = user.evolve(self.users.get(key, user.initial), event)
            case "chat", key:
                self.messages[key] = chat.evolve(self.messages.get(key, chat.initial), event)
            case _:
                key = event.run  # type: ignore[attr-defined]  # events of runs and tasks bear their run
                self.runs[key] = run.evolve(self.runs.get(key, run.initial), event)
