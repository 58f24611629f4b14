"""The context for the nats command line: it contains the address, with the credentials in separate fields."""

import pytest

from director.deployment.nats_context import Context, context_of

NAME = "Aura Orchestra"


@pytest.mark.parametrize(
    ("url", "context"),
    [
        ("nats://aura:s%40cret@127.0.0.1:4222", Context(NAME, "nats://127.0.0.1:4222", user="aura", password="s@cret")),
        ("tls://token@example.net:4222", Context(NAME, "tls://example.net:4222", token="token")),
        ("nats://127.0.0.1:4222", Context(NAME, "nats://127.0.0.1:4222")),
        ("a:b@one:4222", Context(NAME, "nats://one:4222", user="a", password="b")),
        ("nats://a:b@one:1, nats://a:b@two:2", Context(NAME, "nats://one:1,nats://two:2", user="a", password="b")),
    ],
)
def test_credentials_are_taken_out_of_the_address(url: str, context: Context) -> None:
    assert context_of(url) == context
