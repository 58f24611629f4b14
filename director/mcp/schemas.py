"""JSON schemas of arguments and answers, from their msgspec structs."""

from functools import cache
from typing import Any

import msgspec


@cache
def schema_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the schema of a struct, with an object at its root, as clients need it."""
    schema = msgspec.json.schema(kind, ref_template="#/$defs/{name}")
    definitions: dict[str, Any] = schema.pop("$defs", {})
    own = schema.pop("$ref").rpartition("/")[2]
    root: dict[str, Any] = definitions.pop(own)
    root.pop("description", None)  # the tool says it
    return root | ({"$defs": definitions} if definitions else {})
