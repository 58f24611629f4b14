"""The private parts of nats-py that our connection replaces or uses are still there, with the same parameters."""

import inspect
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.protocol.parser import Parser

from bus.nats_client import Connection

METHODS = {
    "_remove_sub": ["self", "sid", "max_msgs"],
    "_init_request_sub": ["self"],
    "_request_new_style": ["self", "subject", "payload", "timeout", "headers"],
    "_process_msg": ["self", "sid", "subject", "reply", "data", "headers"],
    "_process_headers": ["self", "headers"],
    "_build_message": ["self", "sid", "subject", "reply", "data", "headers"],
    "_flush_pending": ["self", "force_flush"],
}
FIELDS = (
    *("_subs", "_sid", "_resp_map", "_resp_sub_prefix", "_nuid", "_pending", "_pending_data_size", "_transport"),
    *("stats",),
)


@pytest.mark.parametrize("name", METHODS)
def test_the_methods_have_the_same_parameters(name: str) -> None:
    assert list(inspect.signature(getattr(Client, name)).parameters) == METHODS[name]


def test_the_fields_are_there() -> None:
    client = Client()
    assert [name for name in FIELDS if not hasattr(client, name)] == []
    assert {"_id", "_subject"} <= vars(Subscription(client, 1, "a")).keys()


def test_requests_and_writes_go_through_the_replaced_methods() -> None:
    """nats-py still calls them. If it called others, our connection would be slow, and nobody would see why."""
    assert "self._request_new_style(" in inspect.getsource(Client.request)
    assert "self._flush_pending(" in inspect.getsource(Client._send_publish)
    assert "self.nc._process_msg(" in inspect.getsource(Parser.parse)


class Closed:
    """The transport of uvloop after its socket was closed."""

    def writelines(self, _lines: list[bytes]) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")


def test_commands_wait_for_the_next_connection_if_the_socket_is_closed() -> None:
    connection: Any = Connection()
    connection._status, connection._transport = Client.CONNECTED, Closed()
    connection._pending, connection._pending_data_size = [b"PUB a 0\r\n\r\n"], 11
    connection._write()
    assert connection._pending == [b"PUB a 0\r\n\r\n"]
    assert connection._pending_data_size == 11
