"""Attacks over the network and through sockets, on listeners of this host."""

from tests.attacks.attack import Attack, Judge, Seen, all_got, both, nothing_got

_CONNECT = """
import socket
def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(3)
        client.connect(address)
        return "in"
"""


def _heard(*names: str) -> Judge:
    def judge(seen: Seen) -> str:
        deaf = [name for name in names if name not in seen.hits]
        return f"without a box these hear nothing either: {', '.join(deaf)} {seen.outcomes}" if deaf else ""

    return judge


ATTACKS = (
    Attack(
        name="n01",
        title="TCP",
        tries="connects to a listener of the host, by every address of the loopback",
        code=_CONNECT
        + """
attempt("127.0.0.1", lambda: connect(socket.AF_INET, ("127.0.0.1", FACTS["tcp"])))
attempt("0.0.0.0", lambda: connect(socket.AF_INET, ("0.0.0.0", FACTS["tcp"])))
attempt("mapped", lambda: connect(socket.AF_INET6, ("::ffff:127.0.0.1", FACTS["tcp"])))
if FACTS["tcp6"]:
    attempt("::1", lambda: connect(socket.AF_INET6, ("::1", FACTS["tcp6"])))
""",
        works=both(all_got("127.0.0.1"), _heard("tcp")),
    ),
    Attack(
        name="n02",
        title="UDP and names",
        tries="sends datagrams to a listener of the host, and a name query as to a DNS resolver",
        code="""
import socket, struct
def send(content, address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        return client.sendto(content, address)
query = struct.pack("!6H", 7, 256, 1, 0, 0, 0) + b"\\x04leak\\x04test\\x00" + struct.pack("!2H", 1, 1)
attempt("look datagram", lambda: send(b"hello", ("127.0.0.1", FACTS["udp"])))
attempt("look query", lambda: send(query, ("127.0.0.1", FACTS["udp"])))
attempt("look broadcast", lambda: send(query, ("127.255.255.255", FACTS["udp"])))
""",
        works=_heard("udp"),
    ),
    Attack(
        name="n03",
        title="unix sockets with a path, and abstract sockets",
        tries="connects to unix sockets of the host, and to Docker's socket",
        code=_CONNECT
        + """
attempt("path", lambda: connect(socket.AF_UNIX, FACTS["folder"] + "/listener"))
attempt("abstract", lambda: connect(socket.AF_UNIX, "\\0" + FACTS["mark"]))
attempt("path through init", lambda: connect(socket.AF_UNIX, "/proc/1/root" + FACTS["folder"] + "/listener"))
for path in ("/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/dbus/system_bus_socket"):
    attempt(path, lambda: connect(socket.AF_UNIX, path))
""",
        works=both(all_got("path", "abstract"), _heard("unix", "abstract")),
    ),
    Attack(
        name="n04",
        title="rare socket families",
        tries="creates sockets of netlink, vsock, packet and other families, and raw sockets",
        code="""
import socket
families = {"netlink": (16, 3), "vsock": (40, 1), "packet": (17, 3), "key": (15, 3), "alg": (38, 5), "rds": (21, 5),
            "bluetooth": (31, 3), "can": (29, 3), "tipc": (30, 1), "xdp": (44, 3), "raw": (2, 3), "raw6": (10, 3)}
attempt("look inet", lambda: socket.socket(2, 1).close() or "a socket")
for name, (family, kind) in families.items():
    attempt(name, lambda: socket.socket(family, kind, 1 if name.startswith("raw") else 0).close() or "a socket")
""",
        contained=both(nothing_got, all_got("look inet")),
        works=all_got("netlink", "look inet"),
    ),
)
