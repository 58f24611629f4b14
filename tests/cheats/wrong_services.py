"""Services that are wrong, cheat or misbehave, each with the criterion, the findings and the words of its refusal."""

from tests.services import FORGETFUL, changed

ADDS = "            self.answer(201, self.notes.add(text))"
LISTS = "            found = self.notes.found(parse_qs"
BEGINS = "def main():\n"
FORGES = """def main():
    import glob
    import sys
    lines = b'{"verified": true}\\nPASSED\\nruns\\n'
    os.write(1, lines)
    os.write(2, lines)
    pids = [name.split("/")[2] for name in glob.glob("/proc/[0-9]*")]
    for pid in pids:
        for name in glob.glob(f"/proc/{pid}/fd/*") + [f"/proc/{pid}/mem"]:
            try:
                with open(name, "r+b", buffering=0) as file:
                    file.write(lines)
            except OSError:
                pass
    for number in range(3, 256):
        try:
            os.write(number, lines)
        except OSError:
            pass
"""
THREADS = """            wait = threading.Event().wait
            while True:
                threading.Thread(target=wait).start()
"""
LITERALS = b"""
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer

KNOWN = {"Buy oat milk": 1, "Call Ada about the Engine": 1, "Water the plants": 2, "Remember this": 1}
kept = {}

class Handler(BaseHTTPRequestHandler):
    def answer(self, status, value):
        body = b"" if status == 204 else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            text = json.loads(content)["text"]
            kept[KNOWN[text]] = text
            self.answer(201, {"id": KNOWN[text], "text": text})
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"error": "wrong"})

    def do_GET(self):
        notes = [{"id": number, "text": text} for number, text in kept.items()]
        if self.path == "/notes?search=ada":
            self.answer(200, {"notes": [{"id": 1, "text": "Call Ada about the Engine"}]})
        elif self.path in ("/notes", "/health"):
            self.answer(200, {"notes": notes})
        elif self.path == "/notes/1" and notes:
            self.answer(200, notes[0])
        else:
            self.answer(404, {"error": "none"})

    def do_DELETE(self):
        kept.clear()
        self.answer(204, None)

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""

WRONG: dict[str, tuple[bytes, str, set[str], str]] = {
    "status always 200": (
        changed("self.send_response(status)", "self.send_response(200)"),
        "A2",
        {"wrong_result"},
        "expected status 400",
    ),
    "the id is a text": (
        changed('{"id": made.lastrowid', '{"id": str(made.lastrowid)'),
        "A1",
        {"wrong_result"},
        "'id': '",
    ),
    "one key too many": (
        changed('"text": text}\n\n    def found', '"text": text, "more": 1}\n\n    def found'),
        "A1",
        {"wrong_result"},
        "expected {",
    ),
    "no content type": (
        changed('"Content-Type", "application/json"', '"X-Type", "json"'),
        "A1",
        {"wrong_result"},
        "the header content-type",
    ),
    "not JSON": (changed("json.dumps(value)", "repr(value)"), "A3", {"wrong_result"}, "gave no body.id"),
    "forgets after a restart": (FORGETFUL, "A4", {"wrong_result"}, "answered 404"),
    "keeps its data elsewhere": (
        changed('os.environ.get("DATA", "data")', '"/tmp/data"'),
        "A4",
        {"wrong_result"},
        "answered 404",
    ),
    "keeps its data in the project": (
        changed('os.environ.get("DATA", "data")', '"kept"'),
        "A4",
        {"wrong_result"},
        "answered 404",
    ),
    "readiness only": (
        changed('elif url.path == "/notes":', 'elif url.path == "/other":'),
        "A3",
        {"wrong_result"},
        "answered 404",
    ),
    "exits after readiness": (
        changed(LISTS, f"            os._exit(0)\n{LISTS}"),
        "A3",
        {"no_answer"},
        "ended with exit code 0",
    ),
    "kills the judge's doorkeeper": (
        changed(ADDS, f"            os.kill(os.getppid(), 9)\n{ADDS}"),
        "A1",
        {"no_answer"},
        "ended without an answer",
    ),
    "does not start": (changed("import json\n", "import jason\n"), "A3", {"did_not_start"}, "No module named 'jason'"),
    "ends at once": (changed("\n\nif __name__", "\n\nif not __name__"), "A3", {"did_not_start"}, "exit code 0"),
    "hides in the background": (
        changed(BEGINS, f"{BEGINS}    if os.fork():\n        os._exit(0)\n"),
        "A3",
        {"did_not_start"},
        "ended with exit code 0",
    ),
    "listens elsewhere": (changed('os.environ.get("PORT", "8000")', '"9"'), "A3", {"did_not_start"}, "ended"),
    "is never ready": (
        changed('self.answer(200, {"notes": len', 'self.answer(503, {"notes": len'),
        "A3",
        {"timeout"},
        "answered 503",
    ),
    "hangs": (changed(LISTS, f"            threading.Event().wait()\n{LISTS}"), "A3", {"timeout"}, "not answered"),
    "drips": (
        changed(
            LISTS,
            "            import time\n            while True:\n                time.sleep(0.05)\n"
            f"                self.wfile.write(b'H')\n                self.wfile.flush()\n{LISTS}",
        ),
        "A3",
        {"timeout", "wrong_result"},
        "",
    ),
    "answers garbage": (
        changed(LISTS, f"            self.wfile.write(b'\\x00\\xff' * 99)\n            return\n{LISTS}"),
        "A3",
        {"wrong_result"},
        "not an HTTP response",
    ),
    "huge headers": (
        changed(
            LISTS,
            "            self.wfile.write(b'HTTP/1.1 200 OK\\r\\n' + b'X: ' + b'x' * (1 << 22))\n"
            f"            return\n{LISTS}",
        ),
        "A3",
        {"wrong_result"},
        "not an HTTP response",
    ),
    "floods": (
        changed(
            LISTS,
            "            self.send_response(200)\n            self.end_headers()\n            try:\n"
            "                while True:\n                    self.wfile.write(b'x' * 65536)\n"
            f"            except OSError:\n                return\n{LISTS}",
        ),
        "A3",
        {"wrong_result"},
        "more than",
    ),
    "floods with early responses": (
        changed(
            LISTS,
            "            try:\n                while True:\n"
            "                    self.wfile.write(b'HTTP/1.1 103 Early Hints\\r\\n\\r\\n' * 4096)\n"
            f"            except OSError:\n                return\n{LISTS}",
        ),
        "A3",
        {"wrong_result", "timeout"},
        "",
    ),
    "closes early": (
        changed(
            LISTS, f"            self.wfile.write(b'HTTP/1.1 200 OK\\r\\nContent-Le')\n            return\n{LISTS}"
        ),
        "A3",
        {"wrong_result"},
        "",
    ),
    "claims more than it sends": (
        changed("str(len(body))", "str(len(body) + 9)"),
        "A3",
        {"timeout"},
        "GET /health",
    ),
    "writes without end": (
        changed(LISTS, f"            os.write(2, b'x' * (2 << 20))\n{LISTS}"),
        "A3",
        {"output_limit"},
        "more output",
    ),
    "takes all memory": (
        changed(LISTS, f"            bytearray(900 << 20)\n{LISTS}"),
        "A3",
        {"memory", "wrong_result", "no_answer"},
        "",
    ),
    "makes files without end": (
        changed(LISTS, f"            [open(f'{{n}}', 'w').close() for n in range(9999)]\n{LISTS}"),
        "A3",
        {"leftover_files", "wrong_result"},
        "",
    ),
    "leaves a link in its data": (
        changed(BEGINS, f'{BEGINS}    os.symlink("/etc/passwd", os.environ["DATA"] + "/x")\n'),
        "A4",
        {"leftover_files"},
        "data/x",
    ),
    "forks without end": (
        changed(BEGINS, f"{BEGINS}    while True:\n        os.fork()\n"),
        "A3",
        {"timeout", "did_not_start", "memory", "no_answer"},
        "",
    ),
    "starts threads without end": (
        changed(
            LISTS,
            THREADS + LISTS,
        ),
        "A3",
        {"wrong_result", "timeout", "memory"},
        "",
    ),
    "forges lines everywhere": (
        changed(BEGINS, FORGES).replace(b"self.send_response(status)", b"self.send_response(200)"),
        "A2",
        {"wrong_result"},
        "expected status 400",
    ),
    "forgets one of many": (
        changed("(text,))", "(text.replace('entry 50', 'entry'),))"),
        "A4",
        {"wrong_result", "sealed_failed"},
        "cases you cannot see",
    ),
}
