"""The limits of the model gateway, each with its unit. The box is untrusted, so each of them holds for any input."""

MIB = 1024 * 1024

# Connections and requests of one box.
CONNECTIONS_MAX = 64  # at the same time
CONNECTIONS_TOTAL_MAX = 50_000  # of one attempt; an attempt has at most 1,000 permitted calls
HEAD_BYTES_MAX = 32 * 1024  # of the request line and the headers
HEADERS_MAX = 100
TARGET_BYTES_MAX = 2048
BODY_BYTES_MAX = 8 * MIB  # of one request, before and after it is decompressed
BODIES_BYTES_MAX = 64 * MIB  # of all requests that are in memory at the same time
HEAD_WAIT_S = 15.0
BODY_WAIT_S = 60.0
SEND_WAIT_S = 30.0  # limit for the agent to take the next part of an answer

# The JSON of a request.
JSON_VALUES_MAX = 1_000_000  # separators in the text; each value needs memory
JSON_DEPTH_MAX = 100
IN_THREAD_BYTES = 256 * 1024  # a larger body is parsed in a thread, so that other calls of the worker go on

# Money.
INPUT_BYTES_PER_TOKEN = 1
"""For bounds. An agent can write text in which each byte is a token, so a bound counts each byte as one."""
INPUT_TOKENS_EXTRA = 1024  # tokens that a provider adds to a prompt, for example for tools
IMAGES_MAX = 20  # of one request
IMAGE_TOKENS_MAX = 40_000  # the most that one image costs at any provider that we know (a tiny model's tiles)
OUTPUT_TOKENS_MIN = 16  # with less than this left, no call is made
ROOM_WAIT_S = 300.0  # wait until open calls give back the part of the reservation that they did not use

# The answer of the provider.
ANSWER_BYTES_MAX = 16 * MIB
ANSWER_BYTES_FREE = 256 * 1024  # of an answer, independent of its tokens
ANSWER_BYTES_PER_TOKEN = 1024  # an event of a stream has some hundred bytes for each token
ANSWER_ECHOES_MAX = 4  # some wire formats repeat the request in the answer
EVENT_BYTES_MAX = 8 * MIB  # of one event of a stream

# The checks of an agent's work.
CHECKS_MAX = 100  # of one attempt
CHECK_WAIT_S = 1500.0

# The record of a gateway.
REFUSALS_MAX = 1000  # codes of refused requests that are remembered
