"""Program that draws inputs for properties. It is separate, so that nothing in the judge's process affects the inputs.

Hypothesis takes constants from the loaded modules of a project, seeds the process's random numbers and writes files to
its working directory. This program is passed to Python by `-c` and runs in an empty folder, which is removed later. So
the same seed gives the same inputs on every machine with the same Hypothesis.

Standard input is {"seed", "wanted": [{"inputs": [generator], "tries"}]}. Standard output has a list of argument lists
for each entry of `wanted`. Values are JSON with tags, as in a requirement.
"""

import base64
import json
import math
import sys
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

EDGES_MAX = 6  # maximum number of inputs that consist of edge values
ROUND = 10  # number of inputs that Hypothesis draws in one run
STRETCH_MAX = 4  # maximum number of equal neighbouring items that are made on purpose
LETTERS = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\t\n\r\0\x1b\x7f"
    "\u00e9\u00fc\u00df\u00d1\u0130\u0131\u017f\u03a3\u03c2\u0416\u0301\u200d\u00a0\u2028\u2003\u00b2\u00bd\u0663"
    "\u05d0\u0639\u202e\u4e2d\ud55c\u3042\ufb01\uff21\ufffd\ufeff\U0001f600\U0001f1e9\U0010ffff"
)
"""Default letters of drawn texts. Most are ordinary letters; the others often cause errors in programs."""


def _number(value: float) -> Any:
    return value if math.isfinite(value) else {"$float": str(value)}


def _bytes(value: bytes) -> Any:
    return {"$bytes": base64.b64encode(value).decode()}


def _dict(pairs: list[Any]) -> Any:
    if all(isinstance(key, str) and not key.startswith("$") for key, _ in pairs):
        return dict(pairs)
    return {"$dict": [list(pair) for pair in pairs]}


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def strategy(made: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return the Hypothesis strategy for one generator."""
    return _STRATEGIES[made["kind"]](made)


def _sizes(made: dict[str, Any]) -> dict[str, Any]:
    return {"min_size": made.get("min", 0), "max_size": made.get("max", 0)}


def _float(made: dict[str, Any]) -> st.SearchStrategy[Any]:
    plain: st.SearchStrategy[float] = st.floats(
        float(made.get("min", 0)), float(made.get("max", 0)), allow_nan=False, allow_infinity=False
    )
    odd = ["nan"] * made.get("nan", False) + ["inf", "-inf"] * made.get("inf", False)
    more = [st.sampled_from(odd).map(float)] if odd else []
    return st.one_of(plain, *more).map(_number)


def _many(item: st.SearchStrategy[Any], made: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for lists of evenly distributed lengths, and for lists with repeated items.

    By default, Hypothesis draws mostly short lists without repeated items. Code with a small mistake often fails only
    on long lists or on repeated items.
    """
    low, high = made.get("min", 0), made.get("max", 0)
    if made.get("unique"):
        return st.lists(item, min_size=low, max_size=high, unique_by=_key)
    any_length = st.integers(low, high).flatmap(lambda size: st.lists(item, min_size=size, max_size=size))
    stretches = st.lists(st.tuples(item, st.integers(1, STRETCH_MAX)), min_size=1, max_size=max(high // 2, 1))
    flat = stretches.map(lambda found: [one for one, times in found for _ in range(times)][:high])
    return st.one_of(any_length, flat.filter(lambda found: len(found) >= low)) if high > 1 else any_length


def _text(made: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for texts. It avoids `st.text`, which first takes a second to build a table of all Unicode."""
    return _many(st.sampled_from(made.get("alphabet") or LETTERS), made).map("".join)


def _list(made: dict[str, Any]) -> st.SearchStrategy[Any]:
    return _many(strategy(made["of"][0]), made)


def _mapping(made: dict[str, Any]) -> st.SearchStrategy[Any]:
    pairs = st.tuples(*map(strategy, made["of"]))
    return st.lists(pairs, unique_by=lambda pair: _key(pair[0]), **_sizes(made)).map(_dict)


def _record(made: dict[str, Any]) -> st.SearchStrategy[Any]:
    parts = st.tuples(*map(strategy, made["of"]))
    return parts.map(lambda values: _dict(list(zip(made["names"], values, strict=True))))


def _decimal(made: dict[str, Any]) -> st.SearchStrategy[Any]:
    drawn = st.decimals(made["min"], made["max"], places=made.get("places", 0), allow_nan=False, allow_infinity=False)
    return drawn.map(lambda value: {"$decimal": str(value)})


def _date(made: dict[str, Any]) -> st.SearchStrategy[Any]:
    from datetime import date

    drawn = st.dates(date.fromisoformat(made["min"]), date.fromisoformat(made["max"]))
    return drawn.map(lambda value: {"$date": value.isoformat()})


_STRATEGIES: dict[str, Callable[[dict[str, Any]], st.SearchStrategy[Any]]] = {
    "integer": lambda made: st.integers(made.get("min", 0), made.get("max", 0)),
    "float": _float,
    "text": _text,
    "bytes": lambda made: st.binary(**_sizes(made)).map(_bytes),
    "boolean": lambda _: st.booleans(),
    "none": lambda _: st.none(),
    "choice": lambda made: st.sampled_from(made["values"]),
    "list": _list,
    "tuple": lambda made: st.tuples(*map(strategy, made["of"])).map(lambda items: {"$tuple": list(items)}),
    "dict": _mapping,
    "record": _record,
    "one_of": lambda made: st.one_of(*map(strategy, made["of"])),
    "decimal": _decimal,
    "date": _date,
}


def edges(made: dict[str, Any]) -> list[Any]:
    """Return the edge values of a generator: the smallest, the largest, and values near zero or empty."""
    kind, low, high = made["kind"], made.get("min", 0), made.get("max", 0)
    if kind == "integer":
        return list(dict.fromkeys([min(max(0, low), high), low, high, *(n for n in (1, -1) if low <= n <= high)]))
    if kind == "float":
        odd = ["nan"] * made.get("nan", False) + ["inf", "-inf"] * made.get("inf", False)
        found = [min(max(0.0, float(low)), float(high)), float(low), float(high)]
        return [_number(value) for value in [*found, *([-0.0] if low <= 0 <= high else []), *map(float, odd)]]
    if kind in ("text", "bytes"):
        signs = (made.get("alphabet") or "a Z") if kind == "text" else "\0\xff"
        sizes = dict.fromkeys([low, min(max(1, low), high), high])
        words = list(dict.fromkeys(sign * size for size in sizes for sign in (signs[0], signs[-1])))
        return [word if kind == "text" else _bytes(word.encode("latin-1")) for word in words]
    if kind in ("boolean", "none", "choice"):
        known: dict[str, list[Any]] = {"boolean": [False, True], "none": [None]}
        return known.get(kind) or list(made["values"])
    if kind in ("decimal", "date"):
        return [{f"${kind}": low}, {f"${kind}": high}]
    return _edges_of_many(kind, made, [edges(part) for part in made["of"]])


def _edges_of_many(kind: str, made: dict[str, Any], parts: list[list[Any]]) -> list[Any]:
    low, high = made.get("min", 0), made.get("max", 0)
    if not all(parts):
        return []
    if kind == "one_of":
        return [part[0] for part in parts]
    if kind == "list":
        some = parts[0] if high > 0 else []
        found = [[], some[:1], some[-1:], [*reversed(some)][:high], some[:1] * min(2, high)]
        return [one for one in found if low <= len(one) and not (made.get("unique") and len(one) == 2)]
    if kind == "dict":
        found = [[], [[parts[0][0], parts[1][0]]]]
        return [_dict(one) for one in found if low <= len(one) <= high]
    each = [[part[index % len(part)] for part in parts] for index in range(2)]
    return [_dict(list(zip(made["names"], one, strict=True))) if kind == "record" else {"$tuple": one} for one in each]


def draw(number: str, inputs: list[dict[str, Any]], tries: int) -> list[list[Any]]:
    """Return at most `tries` different argument lists, edge values first."""
    found: dict[str, list[Any]] = {}
    each = [edges(made) for made in inputs]
    if all(each):
        for index in range(min(EDGES_MAX, max(map(len, each)), (tries + 1) // 2)):
            one = [values[index % len(values)] for values in each]
            found.setdefault(_key(one), one)

    for index in range(2 * tries // ROUND + 2):
        if len(found) >= tries:
            break
        for drawn in _round(st.tuples(*map(strategy, inputs)), f"{number}:{index}"):
            found.setdefault(_key(list(drawn)), list(drawn))
    return list(found.values())[:tries]


def _round(drawn: st.SearchStrategy[tuple[Any, ...]], number: str) -> list[tuple[Any, ...]]:
    """Return up to ROUND inputs. In a longer run, Hypothesis would mostly vary inputs that it has already drawn."""
    found: list[tuple[Any, ...]] = []

    @seed(number)
    @settings(
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        max_examples=ROUND,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def collect(one: tuple[Any, ...]) -> None:
        found.append(one)

    collect()
    return found


def main() -> None:
    """Read one order from standard input and write the drawn inputs to standard output."""
    order = json.loads(sys.stdin.read())
    wanted = enumerate(order["wanted"])
    drawn = [draw(f"{order['seed']}:{number}", one["inputs"], one["tries"]) for number, one in wanted]
    sys.stdout.write(json.dumps(drawn))


if __name__ == "__main__":
    main()
