"""Program that compiles files inside the box without running them, and reports files that are not valid Python.

Its arguments are the paths. It writes one line of JSON before each file and one line after it, so the judge can tell
which file crashed the compiler.
"""

import json
import sys
import warnings
from typing import Any

MESSAGE_CHARS_MAX = 300  # a message may quote a long name from the file


def fault_of(path: str) -> dict[str, Any] | None:
    """Return the line and message of the error if the file does not compile, else None."""
    with open(path, "rb") as file:
        source = file.read()
    try:
        compile(source, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        return {"line": error.lineno or 0, "message": error.msg[:MESSAGE_CHARS_MAX]}
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return {"line": 0, "message": str(error)[:MESSAGE_CHARS_MAX] or type(error).__name__}
    return None


def main() -> None:
    warnings.simplefilter("ignore")
    for number, path in enumerate(sys.argv[1:]):
        print(json.dumps({"begun": number}), flush=True)
        print(json.dumps({"ended": number, "fault": fault_of(path)}), flush=True)


if __name__ == "__main__":
    main()
