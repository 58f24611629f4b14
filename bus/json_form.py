"""Form of the content of a JSON column: names and types of fields at all levels, without class names."""

from typing import Any

import msgspec

_OF_A_CLASS = (
    msgspec.inspect.CustomType,
    msgspec.inspect.DataclassType,
    msgspec.inspect.EnumType,
    msgspec.inspect.NamedTupleType,
    msgspec.inspect.TypedDictType,
)


def json_form(held: Any) -> str:
    """Return the form of a type as text. Types with the same form can decode each other's JSON.

    The form of a struct lists its fields in order, each with its name in JSON. The name of its class does not matter.
    """
    return _form(msgspec.inspect.type_info(held), ())


def _form(known: msgspec.inspect.Type, outer: tuple[type, ...]) -> str:
    if isinstance(known, msgspec.inspect.StructType):
        if known.cls in outer:
            return f"^{len(outer) - outer.index(known.cls)}"  # a recursive type: the number of levels up
        inside = (*outer, known.cls)
        tag = f"{known.tag_field}={known.tag!r}," if known.tag is not None else ""
        fields = ",".join(f"{field.encode_name}:{_form(field.type, inside)}" for field in known.fields)
        return f"{{{tag}{fields}}}" if not known.array_like else f"[{tag}{fields}]"
    if isinstance(known, msgspec.inspect.LiteralType):
        return "|".join(repr(choice) for choice in known.values)
    if isinstance(known, _OF_A_CLASS):
        raise TypeError(f"the form of {known.cls.__name__} in JSON is not known: use a struct instead")
    inner = [getattr(known, name) for name in known.__struct_fields__]
    parts = [
        _form(part, outer)
        for value in inner
        for part in (value if isinstance(value, tuple) else (value,))
        if isinstance(part, msgspec.inspect.Type)
    ]
    kind = type(known).__name__.removesuffix("Type").lower()
    return f"{kind}({','.join(parts)})" if parts else kind
