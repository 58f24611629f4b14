"""The tables of the rights of people in docs/people.md."""

from collections.abc import Iterator

from governance.user_rights import SCOPE_MATRIX, USER_MATRIX


def rows() -> Iterator[str]:
    """Yield a row for each event that a person may cause, with the roles that may and the scopes that permit it."""
    for event in sorted(USER_MATRIX["director"]):
        roles = ", ".join(role for role, events in USER_MATRIX.items() if event in events)
        scopes = ", ".join(scope for scope, events in SCOPE_MATRIX.items() if event in events)
        yield f"| `{event}` | {roles} | {scopes} |"
