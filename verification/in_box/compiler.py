"""Program that compiles files inside the box without running them, and reports files that are not valid Python.

Start it with the options `-W ignore`. Its arguments are the paths. It writes one line of JSON before each file and one
line after it, so the judge can tell which file crashed the compiler. It imports a module only when it needs it, because
the imports would take longer than the work.
"""

import sys

MESSAGE_CHARS_MAX = 300  # a message may quote a long name from the file


def fault_of(path: str) -> dict[str, object] | None:
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


def text_of(fault: dict[str, object] | None) -> str:
    """Return the fault as JSON."""
    if fault is None:
        return "null"
    import json

    return json.dumps(fault)


def main() -> None:
    for number, path in enumerate(sys.argv[1:]):
        print(f'{{"begun": {number}}}', flush=True)
        print(f'{{"ended": {number}, "fault": {text_of(fault_of(path))}}}', flush=True)


if __name__ == "__main__":
    main()
