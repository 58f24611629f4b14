"""The program that looks for canaries from inside of a session's box. It knows only their digests.

It walks everything but the folders of the operating system's programs, which are read-only and too large.
"""

import hashlib
from collections.abc import Mapping

SCANNER = """
import hashlib, os, re, subprocess
DIGESTS = {digests!r}
WORDS = [re.compile(chars + rb"{{8,}}") for chars in (rb"[A-Za-z0-9_+/=.$-]", rb"[A-Za-z0-9_-]", rb"[A-Za-z0-9-]")]
SIZE_MAX = 2 << 20
SYSTEM = ("proc", "sys", "dev", "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")

def forms(word):
    yield word
    yield word[::-1]

def look(where, content):
    for word in {{word for words in WORDS for word in words.findall(content)}}:
        for form in forms(word):
            place = DIGESTS.get(hashlib.sha256(form).hexdigest())
            if place:
                print("FOUND", place, where)

def files():
    for folder, names, leaves in os.walk({root!r}):
        if folder == "/":
            names[:] = [name for name in names if name not in SYSTEM]
        for name in leaves:
            yield os.path.join(folder, name)
    for number in os.listdir("/proc"):
        if number.isdigit():
            yield from (f"/proc/{{number}}/{{name}}" for name in ("environ", "cmdline", "mountinfo", "status"))

seen = 0
for path in files():
    try:
        if os.path.islink(path):
            look(path, os.readlink(path).encode())
        elif path.startswith("/proc") or (os.path.isfile(path) and os.path.getsize(path) <= SIZE_MAX):
            with open(path, "rb") as file:
                look(path, path.encode() + b" " + file.read(SIZE_MAX))
            seen += 1
    except OSError:
        pass
for words in (
    ["env"],
    ["git", "log", "--all", "--format=%H %s %b %N", "-p"],
    ["git", "fsck", "--lost-found", "--no-progress"],
    ["git", "reflog", "--all"],
    ["git", "config", "--list"],
    ["git", "cat-file", "--batch-all-objects", "--batch"],
):
    done = subprocess.run(words, capture_output=True)
    look(" ".join(words), done.stdout + done.stderr)
print("LOOKED AT", seen, "files")
"""


def scanner(places: Mapping[str, str], root: str = "/") -> str:
    """Return the program. It prints `FOUND place path`, and never a canary. `root`: the folder that it walks."""
    digests = {hashlib.sha256(text.encode()).hexdigest(): name for name, text in places.items()}
    return SCANNER.format(root=root, digests=digests)
