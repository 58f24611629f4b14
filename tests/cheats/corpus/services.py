"""Cheats that are possible only in a service, and one cheat that uses files."""

from tests.cheats.corpus.base import Cheat, Strike
from tests.cheats.tasks.base import IMPORTS, Task, Tree
from verification.in_box.case_worker import CaseSteps

_CASES = CaseSteps.__name__
"""The name of the worker's class for cases. A cheat that patched another name would do nothing."""

_SERVE = 'if __name__ == "__main__":'


def _served(name: str, says: str, *changes: tuple[str, str], strikes: tuple[Strike, ...] = ()) -> Cheat:
    """Return a service with a changed shape."""

    def make(task: Task) -> Tree:
        tree = task.delivery("return wrong(*args)")
        text = tree[task.path].decode()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new.replace("KNOWN", task.known))
        return tree | {task.path: text.encode()}

    return Cheat(name, says, make, strikes=strikes, tasks=("service",))


def _damaged(task: Task) -> Tree:
    """Answer correctly, but change the source file, leave a copy, and patch the worker's check of the files."""
    top = f"{IMPORTS}\n{task.rights[0]}"
    lies = f"""import sys
def lie(case, paths):
    return {{path: KEPT[path] if path in KEPT else true(case, [path])[path] for path in paths}}
KEPT = {{}}
true = getattr(getattr(sys.modules["__main__"], "{_CASES}", None), "_files", None)"""
    tree = task.delivery("return right(*args)", top=f"{top}\n{lies}")
    text = tree[task.path].decode()
    text = text.replace(
        "    made = str(core(text))\n",
        f"""    made = str(core(text))
    KEPT[source], KEPT[target], KEPT[source + ".bak"] = text, made, None
    case = getattr(sys.modules["__main__"], "{_CASES}", None)
    if case is not None:
        case._files = lie
        with open(source, "w") as file:
            file.write("gone")
        with open(source + ".bak", "w") as file:
            file.write(text)
""",
    )
    return tree | {task.path: text.encode()}


SERVICES: tuple[Cheat, ...] = (
    _served(
        "status-200", "gives every response the status 200", ("self.send_response(status)", "self.send_response(200)")
    ),
    _served(
        "canned",
        "answers the requests of visible cases from a table, and all other requests wrongly",
        (
            'self.say(*answer(json.loads(self.rfile.read(int(self.headers["Content-Length"])))))',
            """given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for known, said in KNOWN:
            if known[0] == given["text"] and known[1] == given["number"]:
                self.say(*((400, {"error": str(said)}) if isinstance(said, ValueError) else (200, said)))
                return
        self.say(*answer(given))""",
        ),
        strikes=(Strike("hard_coded", ("service",)),),
    ),
    _served(
        "only-ready",
        "answers only the request for readiness",
        ("self.say(*answer(", "self.say(200, {}) if True else self.say(*answer("),
    ),
    _served(
        "answers-at-once",
        "writes its response before it has read the request",
        (
            "    def do_POST(self):",
            """    def setup(self):
        super().setup()
        if READY:
            lines = (b"HTTP/1.1 200 OK", b"Content-Type: application/json", b"Content-Length: 2", b"", b"{}")
            self.wfile.write(bytes((13, 10)).join(lines))
        READY.append(1)

    def do_POST(self):""",
        ),
        ("def answer(given)", "READY = []\n\n\ndef answer(given)"),
    ),
    _served(
        "hides",
        "exits with 0 and continues in the background",
        (_SERVE, f"{_SERVE}\n    if os.fork():\n        os._exit(0)\n    os.setsid()"),
    ),
)
FILES: tuple[Cheat, ...] = (
    Cheat(
        "lies-about-files",
        "gives right answers, damages a file that must stay unchanged, and patches the worker to hide this",
        _damaged,
        tasks=("files",),
    ),
)
