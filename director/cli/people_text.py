"""Users and tokens as text."""

from collections.abc import Sequence

from director.services.people import ShownToken, UserLine
from director.terminal.escape import visible
from director.terminal.text import clock, table
from governance.credentials import FailureLine


def users_text(lines: Sequence[UserLine], failures: Sequence[FailureLine]) -> str:
    """Return the list of users, and the refused sign-ins by hour."""
    if not lines:
        return "There are no users. Add the first one: aura user init NAME"
    shown = [
        (line.name, ", ".join(line.roles) or "none", "disabled" if line.disabled else "active", line.user)
        for line in lines
    ]
    text = table(("user", "roles", "state", "id"), shown)
    linked = [(line.name, each.issuer, each.subject) for line in lines for each in line.identities]
    if linked:
        text += f"\n\nIdentities:\n{table(('user', 'issuer', 'subject'), linked)}"
    if failures:
        counts = [(clock(each.hour), each.kind, each.count) for each in failures]
        text += f"\n\nRefused sign-ins:\n{table(('hour (UTC)', 'kind', 'count'), counts)}"
    return text


def tokens_text(lines: Sequence[ShownToken]) -> str:
    """Return the list of tokens, without their secrets."""
    if not lines:
        return "There are no tokens. Make one: aura token create NAME --scope read"
    shown = [
        (
            str(line.token)[:13],
            visible(line.user),
            visible(line.name),
            ", ".join(line.scopes),
            line.state,
            clock(line.expires_at),
            clock(line.used_at),
        )
        for line in lines
    ]
    return table(("token", "user", "name", "scopes", "state", "expires (UTC)", "last used (UTC)"), shown)
