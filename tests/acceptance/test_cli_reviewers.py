"""`aura reviewers check`: planted mistakes measure what a reviewer notices."""

import json
import re
from asyncio import StreamWriter

import pytest

from tests.acceptance.cli import Server, homely
from tests.integration.house import Sample
from tests.loopback import Reply, Seen, completion, raw

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.slow]
PASSES = {"verdict": "pass", "findings": []}


def blocks(path: str) -> dict[str, object]:
    return {"verdict": "block", "findings": [{"text": "it is wrong", "severity": "high", "path": path}]}


def reviewers(sample: Sample) -> Reply:
    """Return the replies of a server with three models: one reads the work, one passes all, one objects to all."""
    accepted = {sample.module(task) + ".py": next(iter(sample.right(task).values())) for task in sample.numbers}

    async def reply(writer: StreamWriter, seen: Seen) -> None:
        body = seen.body or {}
        if "messages" not in body:
            await raw(200, b'{"object": "list", "data": []}')(writer, seen)
            return
        prompt = " ".join(str(message["content"]) for message in body["messages"])
        added = {line[1:] for line in prompt.splitlines() if line.startswith("+") and not line.startswith("+++")}
        wrong = [path for path, text in accepted.items() if not set(text.splitlines()) <= added]
        answers = {"passes": PASSES, "objects": blocks(next(iter(accepted))), "reads": PASSES}
        answer = blocks(wrong[0]) if wrong and body["model"] == "reads" else answers[body["model"]]
        await raw(200, completion(f"```json\n{json.dumps(answer)}\n```"))(writer, seen)

    return reply


def test_a_reviewer_that_reads_catches_planted_mistakes_and_the_others_do_not() -> None:
    sample = Sample(1)
    with homely("up", "--no-model") as aura, Server(reviewers(sample)) as server:
        assert aura.json("reviewers", "check", "--all", code=3)["code"] == "not_found", "nobody works here yet"
        aura.hire("anna", {"T1": [sample.right("T1")]})
        assert aura.json("reviewers", "check", "anna", code=3)["code"] == "not_found", "nothing is accepted yet"
        assert aura.json("reviewers", "check", code=2)["code"] == "invalid"
        assert aura.json("reviewers", "check", "anna", "--usd-max", "0", code=2)["code"] == "invalid"
        assert aura.json("reviewers", "check", "zoe", code=3)["code"] == "not_found"
        run = aura.json("submit", aura.requirement(sample), "--wait")["run"]
        names = ("reads", "passes", "objects")
        for name in names:
            aura.json("hire", name, "--base-url", server.base_url, "--model", name, "--local")
        found = aura.json("reviewers", "check", *names, "--defects", "2")["reviewers"]
        rates = {
            each["employee"]: (each["catch_rate"]["count"], each["false_objections"]["count"], each["unusable"])
            for each in found
        }
        planted, clean = found[0]["catch_rate"]["of"], found[0]["false_objections"]["of"]
        assert (planted, clean) == (2, 1)
        assert rates == {"reads": (2, 0, 0), "passes": (0, 0, 0), "objects": (2, 1, 0)}
        assert all(each["event"] for each in found), "each result is an event"
        assert re.search(r"reads +2/2 +0\.34 to 1\.00 +0/1", aura.text("reviewers", "check", "reads", "--defects", "2"))
        assert [line["run"] for line in aura.json("inbox")["waiting"]] == [run], "no review delivers anything"
        assert {line["name"] for line in aura.json("scores")["scores"]} == {"anna"}
