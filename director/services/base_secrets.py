"""Secrets in the tracked files of a base. Employees and their providers read these files, so this needs consent."""

from collections import OrderedDict

import msgspec

from agents.working_copies.history import parse
from agents.working_copies.source_history import history_of
from domain.errors import AuraError, Invalid, Refused
from domain.run_messages import NamedSecret, SecretsConsent
from domain.wording import counted
from verification.requirements.base_tree import BaseTree
from verification.source_scan.secret_scan import is_sure, secrets_in

NAMED_MAX = 100  # secrets that the record names
SHOWN_MAX = 20  # secrets that a message names
BASES_REMEMBERED_MAX = 4
CODE = "secrets_in_base"


class BaseSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets of a base, in its files and then in the files of its earlier commits that it no longer has.

    `doubtful`: the number of values in tests and prose that may be secrets. They need no consent.
    """

    secrets: tuple[NamedSecret, ...] = ()
    values: frozenset[bytes] = frozenset()  # only for a comparison with another base
    doubtful: int = 0

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each secret: its place and its kind, and never the secret itself."""
        shown = [_line(each) for each in self.secrets[:SHOWN_MAX]]
        more = len(self.secrets) - len(shown)
        return (*shown, *([f"and {more} more"] if more else []))


def secrets_of(base: BaseTree) -> BaseSecrets:
    """Return the secrets of a base. The last bases are remembered, because a submission asks twice."""
    key = (base.repo, base.commit)
    if key not in _REMEMBERED:
        _REMEMBERED[key] = _scanned(base)
        while len(_REMEMBERED) > BASES_REMEMBERED_MAX:
            _REMEMBERED.popitem(last=False)
    return _REMEMBERED[key]


def consent_to(base: BaseTree | None, reason: str) -> SecretsConsent | None:
    """Return the consent for a base with secrets; None for a base without secrets.

    Raises Refused if there are secrets and no reason. Raises Invalid for a reason of spaces.
    """
    if reason and not reason.strip():
        raise Invalid("The reason to share secrets is empty.", hint="Say why: --share-secrets 'REASON'.")
    found = secrets_of(base) if base is not None else BaseSecrets()
    if base is None or not found.secrets:
        return None
    if not reason:
        raise Refused(
            f"The base has {counted(len(found.secrets), 'secret')} in tracked files. Employees work with these files, "
            f"so their providers would read them: {'; '.join(found.lines)}.",
            hint="Remove them from the files and from the history, and revoke them. If the providers may read them, "
            "consent with a reason, which is recorded: --share-secrets 'REASON' (of aura check, submit and backtest).",
            code=CODE,
        )
    return SecretsConsent(
        base_commit=base.commit, reason=reason.strip(), secrets=found.secrets[:NAMED_MAX], total=len(found.secrets)
    )


def shared_secrets(consent: SecretsConsent | None) -> tuple[str, ...]:
    """Return the lines for people about the secrets that employees may read."""
    if consent is None:
        return ()
    named = BaseSecrets(secrets=consent.secrets).lines
    return (f"Allowed: employees may read {counted(consent.total, 'secret')} of the base: {consent.reason}", *named)


def refuse_new_secrets(before: BaseTree | None, now: BaseTree) -> None:
    """Raise Refused if the new commit of a base has secrets that the commit before did not have.

    `before` None: that commit is lost, so all secrets are new.
    """
    known, found = secrets_of(before).values if before is not None else frozenset(), secrets_of(now)
    if found.values - known:
        raise Refused(
            f"Not approved: the base has moved to {now.commit[:12]}, and this commit has new secrets in tracked files, "
            f"which the providers of employees would read. Its secrets: {'; '.join(found.lines)}.",
            hint="Remove them from the base. Or submit the requirement again, with --share-secrets 'REASON'.",
            code=CODE,
        )


_REMEMBERED: OrderedDict[tuple[str, str], BaseSecrets] = OrderedDict()
"""Repository and commit -> their secrets. The files themselves are not kept in memory."""


def _scanned(base: BaseTree) -> BaseSecrets:
    named: list[NamedSecret] = []
    values: set[bytes] = set()
    doubtful: set[bytes] = set()
    for path, content, earlier in (*_present(base), *_earlier(base)):
        for secret in secrets_in(content):
            if not is_sure(path, secret):
                doubtful.add(secret.value)
            elif secret.value not in values or not earlier:
                named.append(NamedSecret(path=path, line=secret.line, kind=secret.kind, earlier=earlier))
                values.add(secret.value)
    return BaseSecrets(secrets=tuple(named), values=frozenset(values), doubtful=len(doubtful - values))


def _present(base: BaseTree) -> list[tuple[str, bytes, bool]]:
    return [(path, base.files[path], False) for path in base.files]


def _earlier(base: BaseTree) -> list[tuple[str, bytes, bool]]:
    """Return the files of earlier commits and the messages of all commits, as far as working copies have them."""
    stored = history_of(base)
    if stored is None:
        return []
    try:
        history = parse(stored, base.files)
    except AuraError:
        return []  # a working copy would not have this history either
    names = {id: f"the message of commit {id[:12]}" for id, each in history.objects.items() if each.kind == "commit"}
    return [(path, history.objects[id].raw, True) for id, path in {**history.paths, **names}.items()]


def _line(secret: NamedSecret) -> str:
    where = " of an earlier commit" if secret.earlier else ""
    return f"{secret.path}{where}, line {secret.line}: {secret.kind}"
