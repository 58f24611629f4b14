"""The worker of a case starts with few modules, and gives the same answers as with all of them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from verification.execution.worker_source import worker_source
from verification.in_box import tagged_values

HEAVY = ("typing", "re", "enum", "json", "base64", "decimal", "datetime", "subprocess")
"""Modules whose import takes as long as the start of Python."""
MODULE = """
import sys
def heavy(): return [name for name in {heavy} if name in sys.modules]
def half():
    from decimal import Decimal
    return Decimal("0.5")
def day():
    from datetime import date
    return date(2026, 12, 1)
def moment():
    from datetime import datetime, timezone
    return [datetime(2026, 12, 1, tzinfo=timezone.utc), datetime(2026, 12, 1)]
def elsewhere():
    from datetime import datetime, tzinfo
    class Zone(tzinfo): pass
    return datetime(2026, 12, 1, tzinfo=Zone())
def twice(value): return [value, value + value]
def raw(): return b"\\x00\\xff"
"""
JSON = ['{"a": [1, 2.5, -3, true, false, null, "\\u00e9\\ud83d\\ude00\\n"]}', "[]", "{}", '"x"', " [1 , 2]", "1e400"]


def answered(folder: Path, target: str, *args: Any) -> Any:
    """Return the value that the worker reports for one call, in a process of its own."""
    (folder / "project").mkdir(exist_ok=True)
    (folder / "project" / "code_under_test.py").write_text(MODULE.format(heavy=HEAVY), encoding="utf-8")
    step: dict[str, Any] = {
        "action": "call",
        "target": f"code_under_test:{target}",
        "args": list(args),
        "kwargs": {},
        "bind": None,
    }
    step |= {"before": {}, "watch": [], "expected": "bait"}
    order = {"nonce": "n", "project": str(folder / "project"), "folder": str(folder / "work"), "steps": [step]}
    worker = folder / "worker.py"
    worker.write_bytes(worker_source())
    argv = (sys.executable, "-I", "-S", "-B", str(worker))
    done = subprocess.run(argv, input=json.dumps(order).encode(), capture_output=True, check=True)
    nonce, _, answer = done.stdout.decode().partition(" ")
    assert nonce == "n"
    return json.loads(answer)["steps"][0]["value"]


def test_no_heavy_module_is_imported_for_a_plain_case(tmp_path: Path) -> None:
    assert answered(tmp_path, "heavy") == []


def test_the_modules_of_the_arguments_are_imported(tmp_path: Path) -> None:
    """Control of the test above: it would see a heavy module."""
    half = {"$decimal": "0.5"}
    assert answered(tmp_path, "twice", half) == [half, {"$decimal": "1.0"}]


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("half", {"$decimal": "0.5"}),
        ("day", {"$date": "2026-12-01"}),
        ("moment", [{"$datetime": "2026-12-01T00:00:00+00:00"}, {"$datetime": "2026-12-01T00:00:00"}]),
        ("elsewhere", {"$object": "a datetime with another time zone than datetime.timezone"}),
        ("raw", {"$bytes": "AP8="}),
    ],
)
def test_types_that_only_the_code_imports_are_compared_by_content(tmp_path: Path, target: str, value: Any) -> None:
    assert answered(tmp_path, target) == value


@pytest.fixture(params=["the C part", "json"])
def functions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "json":
        monkeypatch.setitem(sys.modules, "_json", None)
    read, write = tagged_values.json_functions()
    assert (read is json.loads) == (request.param == "json")
    return read, write


@pytest.mark.parametrize("text", JSON)
def test_both_readers_and_writers_agree_with_json(functions: Any, text: str) -> None:
    read, write = functions
    assert read(text) == json.loads(text)
    assert write(json.loads(text)) == json.dumps(json.loads(text))
