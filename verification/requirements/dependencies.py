"""The key `dependencies:` of the front matter: exact pins of packages, and the lock with the hash of each wheel."""

import re

from verification.requirements.fields import Fields
from verification.requirements.yaml_tree import Node, Scalar

DEPENDENCIES_MAX = 50
PIN_CHARS_MAX = 200
FROM_BASE = "from-base"
LOCK_NAME = "/dependencies.lock"
"""Name of the lock among a requirement's files. No `$file` can name it, because it is not a relative path."""
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_EXTRAS = rf"\[\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\]"
_VERSION = (
    r"(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview)[-_.]?[0-9]*)?"
    r"(?:[-_.]?(?:post|rev|r)[-_.]?[0-9]*|-[0-9]+)?(?:[-_.]?dev[-_.]?[0-9]*)?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?"
)
_PIN = re.compile(rf"\s*({_NAME})\s*({_EXTRAS})?\s*==\s*({_VERSION})\s*", re.ASCII | re.IGNORECASE)
_BEGINS = re.compile(rf"\s*({_NAME})\s*({_EXTRAS})?", re.ASCII)
_LOCKED = re.compile(rf"({_NAME})==([^\s;]+) --hash=sha256:([0-9a-f]{{64}})", re.ASCII)


def read_from_base(fields: Fields) -> bool:
    """Return whether the requirement asks for the base's declared packages. Report a missing base."""
    node = fields.get("dependencies")
    if not isinstance(node, Scalar) or node.value != FROM_BASE:
        return False
    if not fields.has("base"):
        fields.report.add(node, f"`{FROM_BASE}` needs a `base`, and the requirement has none", fields.line("base"))
    return True


def read_dependencies(fields: Fields) -> tuple[str, ...]:
    """Return every pin as written, but without spaces. Invalid pins are reported and not returned."""
    node = fields.get("dependencies")
    if isinstance(node, Scalar) and node.value == FROM_BASE:
        return ()
    named = fields.texts("dependencies", empty=True) or ()
    if len(named) > DEPENDENCIES_MAX:
        message = f"more than {DEPENDENCIES_MAX} dependencies"
        fields.report.add(
            named[DEPENDENCIES_MAX][1],
            message,
            "only packages that the code imports; their dependencies are added automatically",
        )
    pins: dict[str, str] = {}
    for text, at in named[:DEPENDENCIES_MAX]:
        pin = _pin(text, at, fields)
        if pin is None:
            continue
        name = project_name(pin)
        if name in pins:
            fields.report.add(at, f"`{name}` is named twice", f'only "{pins[name]}"')
        else:
            pins[name] = pin
    return tuple(pins.values())


def project_name(pin: str) -> str:
    """Return the normalised name of a pinned package: `python-slugify` for `Python_Slugify[x]==8.0.4`."""
    begins = _BEGINS.match(pin)
    return re.sub(r"[-_.]+", "-", begins[1]).lower() if begins else ""


def locked(lock: bytes) -> dict[str, tuple[str, str]] | None:
    """Return normalised name -> (version, hex sha256) for a lock; None if the content is not a lock."""
    found: dict[str, tuple[str, str]] = {}
    for line in lock.decode("utf-8", "replace").splitlines():
        match = _LOCKED.fullmatch(line)
        if match is None:
            return None
        found[project_name(match[1])] = (match[2], match[3])
    return found or None


def _pin(text: str, at: Node, fields: Fields) -> str | None:
    match = _PIN.fullmatch(text) if len(text) <= PIN_CHARS_MAX else None
    if match is not None:
        return "".join(f"{match[1]}{match[2] or ''}=={match[3]}".split())
    shown, begins, number = text[:60], _BEGINS.match(text), re.search(r"\d+(?:\.\d+)*", text.partition(";")[0])
    name = begins[0].strip() if begins else ""
    remedy = f'"{name}=={number[0] if number else "1.0"}", with the exact version'
    if "://" in text or text.lstrip().startswith((".", "/")) or "@" in text:
        fault, remedy = "an address, but packages must come from the package index", fields.line("dependencies")
    elif ";" in text:
        fault = "a pin with an environment marker, but there is only one environment"
    else:
        fault = "not an exact pin of the form `name==version`"
    fields.report.add(at, f"`{shown}` is {fault}", remedy if name else fields.line("dependencies"))
    return None
