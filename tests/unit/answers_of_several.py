"""Answers with several files, and with unusual file names."""

import json
from collections.abc import Iterator

from tests.unit.answers import (
    AREA,
    FENCE,
    NESTED_FILES,
    README,
    SHOW,
    THREE,
    THREE_FILES,
    Sample,
    brief,
    each,
    fenced,
    language_of,
    samples_of_one,
)

_TITLES = """\
{}
### {}
**{}**
`{}`:
{}:
{} (new)
{} (updated):
- {}
* `{}`
// {}
# {}
'{}'
"{}"
<{}>
[{}]
[{0}]({0})
__{}__
*{}*
File: {}
**File: `{}`**
Filename: {}
path: {}
## 2. {}
### 1. `{}` - the code
1. {}
Here is {}:
Create `{}`:
Save as `{}`:
Contents of {}:
Now the file {}:
Updated {}:
=== {} ===
./{}
### File 1: {}
**{}** - does it
#### `{}` (new file)"""
_PREFIXES = """\
./
/
a/
b/
~/
../
~/code/
src/
project/
my-project/
/workspace/
/home/user/project/
/tmp/
/app/
/repo/
C:\\work\\
C:\\\\work\\\\
D:/x/
file:///workspace/"""
_NAMES = """\
Makefile
Dockerfile
LICENSE
.gitignore
src/[id].py
a@b.py
c++.py
größe.py
my file.py
.github/workflows/ci.yml
py.typed"""
TITLES, PREFIXES, NAMES = (table.split("\n") for table in (_TITLES, _PREFIXES, _NAMES))


def samples() -> Iterator[Sample]:
    """Return samples of every kind."""
    yield from samples_of_one()
    yield from _of_three()
    yield from _several()
    yield from _names()


def _of_three() -> Iterator[Sample]:
    for title in TITLES:
        for gap in ("", "\n"):
            blocks = (f"{title.format(path)}\n{gap}{fenced(text, language_of(path))}" for path, text in each())
            yield Sample(f"title {title}{' and a gap' if gap else ''}", "\n".join(blocks), THREE_FILES, THREE)
    for before in PREFIXES:
        blocks = (fenced(text, f"{language_of(path)} path={before}{path}") for path, text in each())
        yield Sample(f"prefix {before}", "".join(blocks), THREE_FILES, THREE)


def _several() -> Iterator[Sample]:
    stated = "".join(fenced(text, f"{language_of(path)} path={path}") for path, text in each())
    draft, shell = fenced("def area(r):\n    return 0\n", "python path=shapes.py"), fenced("python demo.py\n", "bash")
    worse = stated.replace(AREA, "def area(r):\n    return 0\n")
    extra = fenced("def test_x():\n    pass\n", "python path=tests/test_x.py")
    heredocs = "".join(f"cat > {path} <<'EOF'\n{text}EOF\n" for path, text in each(NESTED_FILES))
    elements = "".join(f'<file path="{path}">\n{text}</file>\n' for path, text in each(NESTED_FILES))
    readme = fenced(README, "markdown path=README.md")
    both = {"shapes.py": AREA, "show.py": SHOW}
    explained = "".join(f"### {path}\n\nIt works.\n\n{fenced(text, language_of(path))}\n" for path, text in each())
    for kind, text, files in (
        ("stated", stated, THREE_FILES),
        ("a sentence below the title", explained, THREE_FILES),
        ("no names at all", "and\n".join(fenced(text, language_of(path)) for path, text in each()), THREE_FILES),
        ("an answer inside a block", fenced(stated, "markdown"), THREE_FILES),
        ("a draft of one first", f"First try:\n{draft}Wait, wrong.\n{stated}", THREE_FILES),
        ("one corrected behind", f"{worse}\nOops. Corrected:\n{fenced(AREA, 'python path=shapes.py')}", THREE_FILES),
        ("output of a file first", f"Output of show.py:\n{fenced('3' + chr(10), '')}{stated}", THREE_FILES),
        ("words like paths", f"Run report.line with 3.12.\n\n{stated}Then run demo.py\n{shell}", THREE_FILES),
        ("a file out of scope", stated + extra, THREE_FILES),
        ("a path with a space", stated + fenced("x\n", 'text path="my notes.txt"'), THREE_FILES),
        (
            "none closed",
            stated.replace(f"\n{FENCE}\n", f"\n{FENCE}\n", 0).replace(f"{FENCE}\n{FENCE}", FENCE),
            THREE_FILES,
        ),
        ("JSON list of files", json.dumps([{"path": p, "content": t} for p, t in each()]), THREE_FILES),
        ("elements", f"<files>\n{elements}</files>", NESTED_FILES),
        ("heredocs in one block", fenced(heredocs, "bash"), NESTED_FILES),
        ("parted by comments", fenced(f"# shapes.py\n{AREA}\n# show.py\n{SHOW}") + readme, THREE_FILES),
        ("parted by lines", fenced(f"# === shapes.py ===\n{AREA}\n# === show.py ===\n{SHOW}") + readme, THREE_FILES),
        ("code alone below names", f"shapes.py:\n{AREA}\nshow.py:\n{SHOW}\n", both),
    ):
        yield Sample(kind, text, files, THREE)
    for order in (("README.md", "shapes.py", "show.py"), ("shapes.py", "README.md", "show.py"), tuple(NESTED_FILES)):
        files = {path: NESTED_FILES[path] for path in order}
        place = f"README at {order.index('README.md')}"
        named = "".join(fenced(text, f"{language_of(path)} path={path}") for path, text in files.items())
        titled = "".join(f"**{path}**\n{fenced(text, language_of(path))}\n" for path, text in files.items())
        yield Sample(f"blocks in a {place}", named, NESTED_FILES, THREE)
        yield Sample(f"blocks in a {place}, below titles", titled, NESTED_FILES, THREE)
        yield Sample(f"blocks in a {place}, all in a block", fenced(named, "markdown"), NESTED_FILES, THREE)
    for head in ("# {}", "# file: {}", '"""{}"""', "#!/usr/bin/env python3\n# {}", "# path={}", "# File: ./{}"):
        files = {path: f"{head.format(path)}\n{text}" for path, text in both.items()}
        yield Sample(f"comment {head}", "".join(map(fenced, files.values())), files, THREE)


def _names() -> Iterator[Sample]:
    content = "all: x\n"
    for name in NAMES:
        files = {name: content, "shapes.py": AREA}
        second = fenced(AREA, "python path=shapes.py")
        for info in ('text path="{}"', "text path={}", 'text title="{}"'):
            text = fenced(content, info.format(name)) + second
            yield Sample(f"{info} for {name}", text, files, brief(name, "shapes.py"))
        for title in ("**{}**", "`{}`:", "### {}"):
            yield Sample(
                f"{title} for {name}",
                f"{title.format(name)}\n{fenced(content, '')}{second}",
                files,
                brief(name, "shapes.py"),
            )
