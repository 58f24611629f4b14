"""NATS accounts: CORE for the log and the work queue, and one account for each credential of a worker.

An account is a separate space of subjects. Permissions of a user are not enough: the server does not check the reply
subject of a message, so a user of CORE could let an acknowledgement be stored as an event. A worker's account has no
stream, and shares with CORE only the subjects of its rights.
"""

import re
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from domain.errors import Invalid

CORE = "CORE"
DEFAULT_WORKER = "workers"
"""The credential of the process that serves all employees."""
INBOX = "_INBOX.>"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")

Way = Literal["request", "receive"]
"""`request`: publish, with at most one answer. `receive`: subscribe.

There is no request with several answers: the server would remember each such request as long as the worker's
connection is open. So a worker pulls one order at a time, and gets one message of a pack at a time.
"""


class WorkerRight(msgspec.Struct, frozen=True):
    """One thing that a worker may do. `subject` may contain {employee}, {orders} and {bucket}.

    {employee}: the id of an employee of the credential. {orders}: the consumer of its orders. Both are * if the
    credential serves all employees. {bucket}: the upload bucket of the credential.
    """

    purpose: str
    subject: str
    way: Way

    def subjects(self, credential: "WorkerCredential") -> list[str]:
        """Return the subjects of this right for one credential."""
        return [
            self._filled(credential.name, str(employee), f"orders-{employee}") for employee in credential.employees
        ] or [self.exported(credential.name)]

    def exported(self, name: str) -> str:
        """Return the subject for all employees, which CORE exports."""
        return self._filled(name, "*", "*")

    def _filled(self, name: str, employee: str, orders: str) -> str:
        return self.subject.format(employee=employee, orders=orders, bucket=upload_bucket(name))


class WorkerCredential(msgspec.Struct, frozen=True):
    """The login of a worker process. `employees`: the only employees that it may serve; empty: all of them."""

    name: str
    password: str
    employees: tuple[UUID, ...] = ()


def upload_bucket(name: str) -> str:
    """Return the name of the object store to which only this credential may write."""
    return f"AURA_UPLOAD_{name}"


def is_worker_name(name: str) -> bool:
    """Return whether the text can be the name of a credential."""
    return _NAME.fullmatch(name) is not None


def checked_worker_name(name: str) -> str:
    """Return the name. Raises Invalid if it cannot be the name of a credential."""
    if not is_worker_name(name):
        raise Invalid(
            f"{name!r} cannot be the name of a worker's credential.",
            hint="Use at most 31 lower-case letters, digits and hyphens. Begin with a letter or digit.",
        )
    return name


def credential_in(nats_url: str) -> str:
    """Return the name of the credential in a worker's address of NATS; DEFAULT_WORKER if there is none."""
    name = urlsplit(nats_url).username or ""
    return name if is_worker_name(name) else DEFAULT_WORKER


def account_of(name: str) -> str:
    return f"WORKER_{name}"


def accounts(
    user: str, password: str, credentials: Sequence[WorkerCredential], rights: Sequence[WorkerRight]
) -> dict[str, Any]:
    """Return the section `accounts` of the server's configuration. `user`, `password`: the login of CORE."""
    core = {
        "jetstream": "enabled",
        "users": [{"user": user, "password": password}],
        "exports": _exports(credentials, rights),
    }
    return {CORE: core} | {account_of(credential.name): _account(credential, rights) for credential in credentials}


def _exports(credentials: Sequence[WorkerCredential], rights: Sequence[WorkerRight]) -> list[dict[str, str]]:
    """Return what CORE shares with the workers' accounts. Each account imports only the subjects of its own rights."""
    exports: dict[str, dict[str, str]] = {}
    for right in rights:
        for credential in credentials:
            subject = right.exported(credential.name)
            exports[subject] = {"stream" if right.way == "receive" else "service": subject}
    return list(exports.values())


def _account(credential: WorkerCredential, rights: Sequence[WorkerRight]) -> dict[str, Any]:
    publish: list[str] = []
    receive = [INBOX]
    imports: list[dict[str, dict[str, str]]] = []
    for right in rights:
        kind, allowed = ("stream", receive) if right.way == "receive" else ("service", publish)
        for subject in right.subjects(credential):
            allowed.append(subject)
            imports.append({kind: {"account": CORE, "subject": subject}})
    # An empty list would permit every subject, so a credential without rights is denied all of them.
    publishing = {"allow": publish} if publish else {"deny": [">"]}
    permissions = {"publish": publishing, "subscribe": {"allow": receive}}
    user = {"user": credential.name, "password": credential.password, "permissions": permissions}
    return {"users": [user], "imports": imports}


def configuration_text(rights: Sequence[WorkerRight]) -> str:
    """Return the section `accounts` for a server of your own, with one worker credential.

    The passwords are the variables CORE_PASSWORD and WORKERS_PASSWORD of the server's configuration file.
    """
    core, worker = "$CORE_PASSWORD", "$WORKERS_PASSWORD"
    section = accounts("aura", core, [WorkerCredential(DEFAULT_WORKER, worker)], rights)
    text = msgspec.json.format(msgspec.json.encode(section), indent=2).decode()
    for variable in (core, worker):
        text = text.replace(f'"{variable}"', variable)
    return f"accounts: {text}\n"
