"""Gate against secrets. No changed file may contain a key or a password. A finding never contains the secret itself."""

from collections.abc import Mapping

from domain.wording import counted
from verification.gates.base import GateReport, Subject, VerdictGate, verdict_on
from verification.source_scan.secret_scan import Secret, is_sure, secrets_in
from verification.source_scan.write_set import NAMED_MAX
from verification.verdict.model import Finding


class Secrets(VerdictGate):
    """The gate fails if a changed file contains a new secret.

    A value that is already in the requirement or the base is not a new secret. In tests and prose, only a value in a
    provider's own key format makes the gate fail; any other suspicious value becomes a note.
    """

    name = "secrets"

    async def ask(self, subject: Subject) -> GateReport:
        known = _Known(subject)
        files = [path for path in subject.changed if path in subject.tree]
        sure: list[tuple[str, Secret]] = []
        doubtful: list[tuple[str, Secret]] = []
        for path in files:
            for secret in secrets_in(subject.tree[path]):
                kind = sure if is_sure(path, secret) else doubtful
                # `known` is checked last, because the check reads the whole base.
                if len(kind) < NAMED_MAX and secret.value not in known:
                    kind.append((path, secret))
        findings = [
            Finding(
                kind="secret",
                path=path,
                detail=f"{path}, line {secret.line}: {secret.kind}",
                for_author=f"{path}, line {secret.line}: {secret.kind}; remove it, and read it from the environment",
            )
            for path, secret in sure
        ]
        told = [{"path": path, "line": secret.line, "kind": secret.kind} for path, secret in [*sure, *doubtful]]
        evidence = {"files": len(files), "found": told}
        if doubtful and not findings:
            text = "; ".join(f"{one['path']}, line {one['line']}: perhaps {one['kind']}" for one in told)
            return GateReport(result="noted", text=text[:500], evidence=evidence)
        return verdict_on(findings, text=counted(len(files), "file"), evidence=evidence)


class _Known:
    """Collection of all values that the requirement, its fixtures or the base contained before the author's work."""

    def __init__(self, subject: Subject) -> None:
        of = subject.requirement
        self._texts = (of.source, of.sealed_source or b"")
        self._files: tuple[Mapping[str, bytes], ...] = (of.fixtures, of.sealed_fixtures, subject.base)
        self._looked: dict[bytes, bool] = {}

    def __contains__(self, value: bytes) -> bool:
        if value not in self._looked:
            texts = (*self._texts, *(content for files in self._files for content in files.values()))
            self._looked[value] = any(value in text for text in texts)
        return self._looked[value]
