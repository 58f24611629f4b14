"""The upcasters of the events of an employee: each converts a payload to the next version."""

from typing import Any


def with_server(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast a profile of version 2, which had no server and no parameters. Both stay unknown."""
    return {**fields, "profile": {**fields["profile"], "server": "", "parameters": {}}}


def without_session(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast a profile of version 3. In version 3, each attempt had one call."""
    return {**fields, "profile": {**fields["profile"], "session": None}}


def without_tier(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast a hire of version 4, which had no career. Such an employee has no ceilings."""
    return {**fields, "tier": None, "ceilings": None}


def without_accounts(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast a profile of before accounts: one key, which the log does not name."""
    return {**fields, "profile": {**fields["profile"], "accounts": []}}


def without_rules(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast HR's answer of version 1. It came from two numbers in the code, and a suspension had no end."""
    return {**fields, "rule": "", "rules_version": ""}
