"""A double of Gemini's generateContent."""

from typing import Any

from agents.employees.contract import ToolCall
from agents.employees.conversation import Model
from agents.employees.providers.gemini import GeminiModel
from tests.loopback import Seen
from tests.wires.wire import USED, Sent, pieces, settings_of

_ENDS = {"stop": "STOP", "length": "MAX_TOKENS", "blocked": "SAFETY"}
_KINDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class GeminiWire:
    """Answers and requests of POST /v1beta/models/MODEL:generateContent."""

    name = "gemini"
    provider = "gemini"
    model_name = "gemini-2.0-flash"
    prices = "google"
    host = "generativelanguage.googleapis.com"
    accepts_extra = False

    def model(self, base_url: str, **settings: Any) -> Model:
        return GeminiModel(**settings_of(base_url, self.model_name, settings))

    def body(
        self,
        text: str | None = None,
        *,
        calls: tuple[ToolCall, ...] = (),
        end: str | None = "stop",
        used: tuple[int, int, int] | None = USED,
        thinking: str = "",
    ) -> dict[str, Any]:
        parts: list[dict[str, Any]] = []
        if thinking:
            parts.append({"text": thinking, "thought": True})
        if text is not None:
            parts.append({"text": text} | ({"thoughtSignature": "c2ln+/8="} if thinking else {}))
        parts += [
            {"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}}
            | ({"thoughtSignature": "c2ln+/8="} if thinking else {})
            for call in calls
        ]
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
        if end is not None:
            candidate["finishReason"] = _ENDS.get(end, end)
        answer: dict[str, Any] = {
            "candidates": [candidate],
            "modelVersion": self.model_name,
            "responseId": "resp-1",
        }
        if used is not None:
            asked, made, cached = used
            answer["usageMetadata"] = {
                "promptTokenCount": asked,
                "candidatesTokenCount": made,
                "cachedContentTokenCount": cached,
                "totalTokenCount": asked + made,
            }
        return answer

    def stream(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        (candidate,) = body["candidates"]
        rest = {key: value for key, value in body.items() if key != "candidates"}
        parts = [
            part | {"text": piece}
            for part in candidate["content"]["parts"]
            for piece in (pieces(part["text"]) if "text" in part else [None])
            if piece is not None
        ] + [part for part in candidate["content"]["parts"] if "text" not in part]
        chunks = [rest | {"candidates": [{"content": {"role": "model", "parts": [part]}}]} for part in parts]
        chunks[-1]["candidates"][0]["finishReason"] = candidate["finishReason"]
        return chunks

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"error": {"code": status, "message": message, "status": _KINDS.get(status, "UNKNOWN")}}

    def usage(self, **counts: Any) -> dict[str, Any]:
        names = {"asked": "promptTokenCount", "made": "candidatesTokenCount"}
        return self.body("text") | {"usageMetadata": {names[name]: value for name, value in counts.items()}}

    def own(self, body: dict[str, Any]) -> Any:
        return body["candidates"][0]["content"]["parts"]

    def returned(self, seen: Seen) -> Any:
        return seen.body["contents"][1]["parts"]

    def sent(self, seen: Seen) -> Sent:
        body = seen.body
        assert seen.path == f"/v1beta/models/{self.model_name}:generateContent"
        declared = [tool for group in body.get("tools", []) for tool in group["functionDeclarations"]]
        return Sent(
            system="".join(part["text"] for part in body.get("systemInstruction", {}).get("parts", [])),
            turns=[
                ({"model": "assistant"}.get(turn["role"], turn["role"]), [_plain(part) for part in turn["parts"]])
                for turn in body["contents"]
            ],
            tools=[tool["name"] for tool in declared],
            output_tokens_max=body["generationConfig"]["maxOutputTokens"],
            key=seen.headers["x-goog-api-key"],
        )


def _plain(part: dict[str, Any]) -> Any:
    """Return a part in words that fit every vendor. A part of an unknown kind stays as it is."""
    if set(part) == {"text"}:
        return part["text"]
    if set(part) == {"functionCall"}:
        return ("call", part["functionCall"]["name"], part["functionCall"]["args"])
    if set(part) == {"functionResponse"}:
        response = part["functionResponse"]
        return ("result", response.get("id", response["name"]), response["response"]["output"])
    return part
