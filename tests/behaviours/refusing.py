"""Servers that answer with an error. Its kind, the provider's own message and a fitting remedy must be shown."""

from tests.behaviours.model import NOTHING, Behaviour, error, sends

KEY_ECHOED = "Incorrect API key provided: sk-loopback-0123456789abcdef. You can find your API key at https://x.example."
NGINX = b"<html><body><center><h1>413 Request Entity Too Large</h1></center><hr>nginx</body></html>"
CLOUD = b"<!DOCTYPE html><style>a{color:red}</style><script>var x=1</script><h1>Bad gateway</h1>Error code 502"


def told(status: int, outcome: str, message: str, **headers: str) -> Behaviour:
    """Return an error in the usual form. Its message must be shown, and it costs nothing."""
    said = message[:60]
    return Behaviour(
        f"{status} {message[:70]}",
        error(status, message, **headers),
        outcome,
        NOTHING,
        says=(said, f"answered {status}"),
    )


def shaped(name: str, status: int, outcome: str, body: object, says: str) -> Behaviour:
    """Return an error in a provider's own form."""
    return Behaviour(name, sends(status, body), outcome, NOTHING, says=(says,))


STATUSES = (
    Behaviour(
        "401 with the key",
        error(401, KEY_ECHOED),
        "auth",
        NOTHING,
        says=("Incorrect API key provided: [key].", "--key-env"),
    ),
    told(400, "auth", "API key not valid. Please pass a valid API key."),
    told(402, "payment", "This request requires more credits, or fewer max_tokens."),
    told(402, "payment", "Insufficient Balance"),
    told(403, "region", "Country, region, or territory not supported"),
    told(400, "region", "User location is not supported for the API use."),
    told(451, "region", "Unavailable for legal reasons"),
    told(403, "forbidden", "You have insufficient permissions for this operation."),
    told(403, "unknown_model", "Project `p` does not have access to model `gpt-4o`"),
    told(404, "unknown_model", "The model `gpt-9` does not exist or you do not have access to it."),
    told(404, "not_found", "Invalid URL (POST /chat/completions)"),
    told(405, "not_found", "Method Not Allowed"),
    told(408, "timeout", "Request timed out"),
    told(409, "overloaded", "Conflict"),
    told(410, "unknown_model", "The model `old` has been deprecated"),
    told(
        413,
        "request_too_large",
        "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 7000",
    ),
    told(415, "bad_request", "Unsupported media type"),
    told(422, "bad_request", "what?"),
    told(425, "overloaded", "Too early"),
    told(429, "payment", "You exceeded your current quota, please check your plan and billing details."),
    told(429, "rate_limit", "Too many requests"),
    told(400, "payment", "Your credit balance is too low to access the API."),
    told(400, "payment", "Billing hard limit has been reached"),
    told(400, "unknown_model", "nope/nope is not a valid model ID"),
    told(400, "unknown_model", "The model `gemma-7b-it` has been decommissioned and is no longer supported."),
    told(400, "blocked", "The response was filtered due to the prompt triggering Azure's content management policy."),
    told(403, "blocked", "Your input was flagged by moderation."),
    told(500, "overloaded", "The server had an error while processing your request."),
    told(501, "not_found", "Not implemented"),
    told(503, "overloaded", "The model is currently loading, estimated time 20"),
    told(504, "overloaded", "Gateway Timeout"),
    told(529, "overloaded", "Overloaded"),
    told(418, "bad_request", "I am a teapot"),
)
SHAPES = (
    shaped(
        "Ollama's text",
        404,
        "unknown_model",
        {"error": 'model "x" not found, try pulling it first'},
        "try pulling it first",
    ),
    shaped("FastAPI's detail", 404, "not_found", {"detail": "Not Found"}, "answered 404: Not Found"),
    shaped(
        "Google's list",
        400,
        "auth",
        [{"error": {"code": 400, "message": "API key not valid.", "status": "X"}}],
        "API key not valid.",
    ),
    shaped(
        "vLLM's message",
        400,
        "bad_request",
        {"object": "error", "message": "odd thing", "code": 400},
        "answered 400: odd thing",
    ),
    shaped("a list of errors", 400, "bad_request", {"errors": [{"message": "one"}, {"message": "two"}]}, "one; two"),
    shaped(
        "a gateway's original",
        429,
        "rate_limit",
        {
            "error": {
                "message": "Provider returned error",
                "code": 429,
                "metadata": {"raw": '{"error": {"message": "slow down"}}'},
            }
        },
        "slow down",
    ),
    shaped(
        "JSON in a message",
        500,
        "overloaded",
        {"error": {"message": '{"message": "inner words"}'}},
        "answered 500: inner words",
    ),
    shaped("plain text", 500, "overloaded", b"upstream connect error", "upstream connect error"),
    shaped("nginx's page", 413, "request_too_large", NGINX, "413 Request Entity Too Large"),
    shaped("a page with a script", 502, "overloaded", CLOUD, "answered 502: Bad gateway Error code 502"),
    shaped("nothing", 500, "overloaded", b"", "answered 500 without a message."),
    shaped("bytes", 500, "overloaded", b"\xff\xfe\x00\x01", "answered 500"),
    shaped("deep JSON", 400, "bad_request", b'{"error":' * 5000, "answered 400"),
    shaped(
        "controls and directions",
        400,
        "bad_request",
        {"error": {"message": "a\x1b[31mred\u202edne\0"}},
        "a [31mred dne",
    ),
    shaped("half of a surrogate pair", 400, "bad_request", b'{"error": {"message": "odd \\ud83d"}}', "odd \ufffd"),
    shaped("a long one", 400, "bad_request", {"error": {"message": "word " * 4000}}, "[…]"),
    shaped("a megabyte", 500, "overloaded", b"x" * 2**20, "[…]"),
    shaped(
        "200 with an error",
        200,
        "rate_limit",
        {"error": {"message": "Rate limit exceeded", "code": 429}},
        "Rate limit exceeded",
    ),
    shaped("200 with an error's text", 200, "overloaded", {"error": "model crashed"}, "model crashed"),
    shaped("200 with a code as text", 200, "payment", {"error": {"message": "no funds", "code": "402"}}, "no funds"),
)
OVERFLOWS = tuple(
    told(status, "context_overflow", message)
    for status, message in (
        (400, "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."),
        (
            400,
            "the request exceeds the available context size. try increasing the context size or enable context shift",
        ),
        (400, "prompt is too long: 210000 tokens > 200000 maximum"),
        (400, "Input is too long for requested model."),
        (400, "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."),
        (400, "Please reduce the length of the messages or completion."),
        (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"),
        (400, "Range of input length should be [1, 30720]"),
        (400, "The number of tokens to keep from the initial prompt is greater than the context length."),
        (400, "Requested token count exceeds the model's maximum context length of 4096 tokens."),
        (400, "too many tokens: total tokens must be less than 4081"),
        (400, "Your input exceeds the context window of this model. Please adjust your input and try again."),
        (400, "Prompt tokens limit exceeded: 9000 > 8000 tokens. prompt exceeds the token limit"),
        (500, "input length (9000) exceeds model's maximum context length (8192)"),
        (400, "This endpoint's maximum context length is 131072 tokens. However, you requested about 200000 tokens."),
        (400, "Total length of the input exceeds what is allowed: sequence length is longer than 2048"),
        (413, "The prompt is too large: it exceeds the context size"),
    )
)
BEHAVIOURS = (*STATUSES, *SHAPES, *OVERFLOWS)
