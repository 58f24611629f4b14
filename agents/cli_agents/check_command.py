"""The program `aura-check` in the box of a coding agent. It asks the worker through the gateway's address."""

from agents.gateway.box_channel import PORT
from verification.sandbox.base import PROGRAMS, PYTHON

PROGRAM = f"{PROGRAMS}/aura-check"
WAIT_S = 1800
"""Limit for the answer of the worker: a check runs the visible cases in a fresh box."""
_SOURCE = f"""#!{PROGRAMS}/{PYTHON}
import http.client, json, sys
line = http.client.HTTPConnection("127.0.0.1", {PORT}, timeout={WAIT_S})
try:
    line.request("POST", "/aura/check", "{{}}", {{"Content-Type": "application/json"}})
    answer = line.getresponse()
    said = json.loads(answer.read())
except (OSError, ValueError, http.client.HTTPException) as error:
    sys.exit(f"The check was not made: {{error}}.")
if answer.status != 200:
    sys.exit("The check was not made: " + str(said.get("error", {{}}).get("message", answer.status)))
print(said["text"])
"""


def check_files() -> dict[str, bytes]:
    """Return the program as a read-only file of the box, by its path."""
    return {PROGRAM: _SOURCE.encode()}
