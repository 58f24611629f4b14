"""The source of the worker that runs a case in its box."""

import re
from functools import cache
from pathlib import Path

_IN_BOX = Path(__file__).parents[1] / "in_box"
_IMPORT = re.compile(r"^from verification\.in_box\.tagged_values import \(.*?^\)\n", re.MULTILINE | re.DOTALL)


@cache
def worker_source() -> bytes:
    """Return the worker as one file: with the source of the module that it imports from this package."""
    worker, values = (_IN_BOX / f"{name}.py" for name in ("case_worker", "tagged_values"))
    whole, replaced = _IMPORT.subn(lambda _: values.read_text(encoding="utf-8"), worker.read_text(encoding="utf-8"))
    assert replaced == 1, "the worker has one import of this package"
    return whole.encode()
