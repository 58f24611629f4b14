"""Programs that misbehave in every way that we know, drawn by a generator with a seed."""

import random
from collections.abc import Mapping

import msgspec

from verification.sandbox.base import MIB, Limits, RunSpec

WALL_S = (0.5, 1.0)
PIECES_MAX = 3
_BEGIN = "import ctypes, mmap, os, random, resource, signal, socket, sys, threading, time\n"
_LIMITS = "for n in range(16):\n  try: resource.setrlimit(n, {})\n  except (OSError, ValueError): pass\n"

WAYS: Mapping[str, str] = {
    "loops": "while True: pass",
    "sleeps": "time.sleep(60)",
    "waits for input": "sys.stdin.read(); time.sleep(60)",
    "floods stdout": "while True: os.write(1, b'x' * 65536)",
    "floods stderr": "while True: os.write(2, os.urandom(999))",
    "drips": "while True: os.write(1, b'.'); time.sleep(0.001)",
    "forks": "while True:\n  try: os.fork()\n  except OSError: pass",
    "leaves zombies": "for _ in range(500):\n  if os.fork() == 0: os._exit(0)",
    "starts threads": "while True: threading.Thread(target=time.sleep, args=(60,)).start()",
    "eats memory": "kept = []\nwhile True: kept.append(bytearray(b'x') * (1 << 20))",
    "eats memory in a tree": "os.fork(); os.fork()\nkept = []\nwhile True: kept.append(bytearray(b'x') * (1 << 18))",
    "eats shared memory": "memory = mmap.mmap(-1, 1 << 27)\nfor at in range(0, 1 << 27, 4096): memory[at] = 1",
    "recurses": "sys.setrecursionlimit(1 << 30)\ndef f(*a): return f(*a, 1)\nf()",
    "fills the disk": "f = open('fill', 'wb')\nwhile True: f.write(bytes(1 << 16))",
    "fills a file that has no name": "f = open('gone', 'wb'); os.unlink('gone')\nwhile True: f.write(bytes(1 << 16))",
    "fills tmp": "for n in range(999): open(f'/tmp/{n}', 'wb').write(bytes(1 << 20))",
    "fills shm": "open('/dev/shm/fill', 'wb').write(bytes(1 << 26))",
    "makes files": "n = 0\nwhile True: os.mkdir(str(n)); n += 1",
    "makes deep folders": "for _ in range(250): os.mkdir('d' * 50); os.chdir('d' * 50)",
    "makes links": "for n in range(20): os.symlink('/' if n % 2 else '..', f'link{n}'); os.symlink(f'{n}', f'{n}')",
    "makes hard links": "open('one', 'w').close()\nfor n in range(20): os.link('one', f'hard{n}')",
    "makes fifos and sockets": "for n in range(9): os.mkfifo(f'p{n}'); socket.socket(1).bind(f's{n}')",
    "makes devices": "for kind in (0o060000, 0o020000):\n  try: os.mknod('device', kind | 0o666, os.makedev(8, 0))\n"
    "  except OSError: pass",
    "makes odd names": "for n in range(9): open(os.urandom(9).replace(b'/', b'.').replace(b'\\0', b'-'), 'w').close()",
    "makes holes": "f = open('holes', 'wb'); f.truncate(1 << 22); os.posix_fallocate(f.fileno(), 0, 1 << 30)",
    "takes its folder's rights": "os.mkdir('no'); open('no/in', 'w').close(); os.chmod('no', 0); os.chmod('.', 0)",
    "becomes a daemon": "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: time.sleep(60)\n  os._exit(0)",
    "holds the output": "if os.fork() == 0: time.sleep(60)",
    "is deaf": "for n in range(1, 65):\n  try: signal.signal(n, signal.SIG_IGN)\n  except (OSError, ValueError): pass\n"
    "time.sleep(60)",
    "kills all": "os.kill(-1, 9)",
    "kills its parent": "os.kill(os.getppid(), 9); os.kill(1, 9); os.kill(1, 15); time.sleep(60)",
    "kills itself": "os.kill(os.getpid(), 9)",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP); time.sleep(60)",
    "stops all": "os.kill(-1, signal.SIGSTOP); os.kill(1, signal.SIGSTOP); os.kill(os.getpid(), signal.SIGSTOP)",
    "crashes": "ctypes.string_at(0)",
    "aborts": "os.abort()",
    "ends at once": "os._exit(random.randrange(256))",
    "closes everything": "os.closerange(0, 256); time.sleep(60)",
    "opens everything": "kept = []\nwhile True: kept.append(os.open('/dev/null', os.O_RDONLY))",
    "fills pipes": "kept = [os.pipe() for _ in range(60)]\nfor _, w in kept: os.write(w, bytes(65536))",
    "replaces itself": "os.execv('/bin/sh', ['sh', '-c', 'while :; do sleep 60 & done'])",
    "lowers its limits": _LIMITS.format("(0, 0)"),
    "raises its limits": _LIMITS.format("(-1, -1)")
    + "kept = []\nwhile True: kept.append(bytearray(1 << 20)); os.fork()",
    "waits for itself": "r, w = os.pipe(); os.read(r, 1)",
    "traces": "ctypes.CDLL(None).ptrace(0, 0, None, None); os.kill(os.getpid(), signal.SIGTRAP); time.sleep(60)",
}


class Misbehaviour(msgspec.Struct, frozen=True):
    """One box: a description of its misbehaviour, and its run."""

    what: str
    spec: RunSpec


def drawn(random_: random.Random, mark: str) -> Misbehaviour:
    """Draw one to three kinds of misbehaviour at once, under short limits.

    Each except the last has its own child process.
    """
    ways = random_.sample(sorted(WAYS), random_.choice((1, 1, 2, PIECES_MAX)))
    code = _BEGIN
    for way in ways[:-1]:
        code += f"if os.fork() == 0:\n{_indented(WAYS[way])}\n  os._exit(0)\n"
    code += WAYS[ways[-1]]
    limits = Limits(
        wall_s=random_.uniform(*WALL_S),
        memory_bytes=48 * MIB,
        processes=16,
        output_bytes=64 * 1024,
        file_bytes=4 * MIB,
        work_bytes=6 * MIB,
        files=300,
        collect_files=40,
        collect_bytes=MIB,
    )
    argv = ("python3", "-I", "-c", code, mark)
    return Misbehaviour(" and ".join(ways), RunSpec(argv=argv, limits=limits, collect=("**",), files={"in": b"x"}))


def _indented(code: str) -> str:
    return "\n".join(f"  {line}" for line in code.splitlines())
