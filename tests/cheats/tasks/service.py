"""The task with a service: it answers a posted object, and refuses an object without text."""

from typing import Any

from tests.cheats.tasks.base import Example, Task
from verification.requirements.model import Reply, Request, Serve, Step

READY = {"ready": True}


class Service(Task):
    name = "service"
    where = "service"
    deliver = "http"
    wrong = "def wrong(text, number):\n    return {'text': text, 'number': number}"

    def example(self, *, odd: bool = False) -> Example:
        text, number = self.word(6), self.rng.randrange(101, 999)
        if odd:
            return Example(("   ", number), message=f"{self.key}: no text")
        return Example((text, number), {"text": f"{text}.{self.key}", "number": number + self.number})

    @property
    def rights(self) -> tuple[str, ...]:
        return (
            f"""def right(text, number):
    if not text.strip():
        raise ValueError("{self.key}: no text")
    return {{"text": f"{{text}}.{self.key}", "number": number + {self.number}}}""",
            f"""def right(text, number):
    answer = {{}}
    answer["number"] = {self.number} + number
    answer["text"] = ".".join([text, "{self.key}"])
    if text.isspace() or text == "":
        raise ValueError("{self.key}: no text")
    return answer""",
            f"""def right(text, number):
    if any(not letter.isspace() for letter in text):
        return dict(text="%s.%s" % (text, "{self.key}"), number=sum((number, {self.number})))
    raise ValueError("{self.key}" + ": no text")""",
        )

    @property
    def shape(self) -> str:
        return f"""import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def answer(given):
    try:
        return 200, core(given["text"], given["number"])
    except ValueError as error:
        return 400, {{"error": str(error)}}


class Handler(BaseHTTPRequestHandler):
    def say(self, status, value):
        body = json.dumps(value, default=str).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.say(*((200, {READY!r}) if self.path == "/health" else (404, {{"error": "nothing here"}})))

    def do_POST(self):
        self.say(*answer(json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()"""

    @property
    def ask(self) -> str:
        return """def ask(args):
    status, value = it.answer({"text": args[0], "number": args[1]})
    if status != 200:
        raise ValueError(value["error"])
    return value"""

    def steps(self, examples: tuple[Example, ...]) -> tuple[Step, ...]:
        return tuple(Step(action="request", request=self._request(each)) for each in examples)

    def _request(self, each: Example) -> Request:
        refused = each.message is not None
        reply = Reply(status=400 if refused else 200, body={"error": each.message} if refused else each.returns)
        text, number = each.args
        return Request(method="POST", target=f"/{self.function}", json={"text": text, "number": number}, reply=reply)

    def extras(self) -> dict[str, Any]:
        return {"serve": Serve(run=("python3", "-m", self.module), ready="/health")}
