"""The options of an employee in employees.toml: names, types and values. They are those of `aura hire`."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from bus.redaction import Redactor
from director.services.hire_options import Hiring
from verification.source_scan.secret_scan import secrets_in

OPTIONS: Mapping[str, Any] = {
    field.name: field.type for field in msgspec.structs.fields(Hiring) if field.name != "name"
}
"""The options of an employee: those of `aura hire`. In the file, a hyphen and an underscore are the same."""
KEY_NAMES = frozenset({"key", "api_key", "apikey", "token", "secret", "password", "access_key", "auth"})
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_PASSWORD_IN_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*:[^/?#]*@")
WORDS = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
EXAMPLES = {str: '"…"', int: "2", float: "120.0", bool: "true"}


def merged(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of an employee. A default does not apply if an own option contradicts it."""
    dropped: set[str] = set()
    if own.get("local") is not None:
        dropped |= {"price_in", "price_out"}
    if {"price_in", "price_out"} & own.keys():
        dropped.add("local")
    if own.get("session") is False:
        dropped |= {option for option in OPTIONS if option.startswith("session_")}
    if "provider" in own:
        dropped |= {"base_url", "key_env", "api", "style", "accounts"}
    return {**{key: value for key, value in defaults.items() if key not in dropped}, **own}


def kind_of(option: str) -> type:
    """Return the type of an option's value."""
    kinds = [kind for kind in getattr(OPTIONS[option], "__args__", (OPTIONS[option],)) if kind in WORDS]
    return kinds[0] if kinds else str


def converted(option: str, value: Any) -> Any:
    """Return the value as Hiring holds it, or None if it has another type.

    A price may be a number or a text, and accounts a list of names or a text.
    """
    kind = kind_of(option)
    if option == "accounts" and isinstance(value, list) and all(isinstance(name, str) for name in value):
        return ",".join(value)
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if kind is str and number and (option.startswith("price_") or option.endswith("_usd")):
        return format(Decimal(value), "f")
    if kind is float and number:
        return float(value)
    return value if type(value) is kind else None


def looks_like_key(option: str, value: Any) -> bool:
    """Return whether a value has the form of a key, or has a password in its address, or is not the name of a variable
    where one is expected.
    """
    if not isinstance(value, str):
        return False
    if option == "key_env" and value and not _VARIABLE.fullmatch(value):
        return True
    if _PASSWORD_IN_URL.match(value):
        return True
    text = f'api_key = "{value}"'
    return Redactor().clean_text(value) != value or any(
        secret.form != "password" or option == "key_env" for secret in secrets_in(text.encode(errors="replace"))
    )
