"""Tasks of other shapes: a class with state, a command, and a function that works on files."""

from typing import Any

from tests.cheats.tasks.base import Example, Task, expected, written
from verification.requirements.model import Expectation, Step

_TOTALS = """def right(*items):
    found = {{}}
    for text, number in items:
        found[text] = found.get(text, 0) + number * {factor}
    return found"""


class Ledger(Task):
    """An object that is filled in several steps and asked at the end."""

    name = "stateful class"
    wrong = "def wrong(*items):\n    return dict(items)"

    def example(self, *, odd: bool = False) -> Example:
        texts = [self.word(5) for _ in range(3)]
        if odd:
            texts[2] = texts[0]
        items = tuple((text, self.rng.randrange(101, 999)) for text in texts)
        found: dict[str, int] = {}
        for text, number in items:
            found[text] = found.get(text, 0) + number * self.number
        return Example(items, found)

    @property
    def rights(self) -> tuple[str, ...]:
        return (
            _TOTALS.format(factor=self.number),
            f"""def right(*items):
    return {{name: sum(n for text, n in items if text == name) * {self.number} for name, _ in items}}""",
            f"""def right(*items):
    if not items:
        return {{}}
    found = right(*items[:-1])
    text, number = items[-1]
    return {{**found, text: found.get(text, 0) + {self.number} * number}}""",
        )

    @property
    def shape(self) -> str:
        return f"""class {self.function}:
    def __init__(self):
        self.items = []

    def add(self, text, number):
        self.items.append((text, number))

    def report(self):
        return core(*self.items)"""

    @property
    def ask(self) -> str:
        return f"""def ask(args):
    made = it.{self.function}()
    for item in args:
        made.add(*item)
    return made.report()"""

    def steps(self, examples: tuple[Example, ...]) -> tuple[Step, ...]:
        made: list[Step] = []
        for index, each in enumerate(examples):
            made.append(Step(action="new", target=f"{self.module}:{self.function}", bind=f"it{index}"))
            made += [Step(action="call", target=f"$it{index}.add", args=written(list(item))) for item in each.args]
            made.append(Step(action="call", target=f"$it{index}.report", expect=expected(each)))
        return tuple(made)


class Command(Task):
    """A command with words and standard input, which refuses unknown input."""

    name = "command"
    where = "command"
    deliver = "cli"
    wrong = "def wrong(words, text):\n    return text.upper() + str(len(words)) + chr(10)"

    def example(self, *, odd: bool = False) -> Example:
        words = tuple(self.word(5) for _ in range(2))
        lines = [f"{self.word(4)} {self.rng.randrange(101, 999)}" for _ in range(3)]
        if odd:
            lines[1] = bad = self.word(7)
            return Example((words, "\n".join(lines) + "\n"), message=f"{self.key}: not a line: {bad}")
        total = sum(int(line.split()[1]) for line in lines) + self.number
        return Example((words, "\n".join(lines) + "\n"), f"{'+'.join(words)}={total} {self.key}\n")

    @property
    def rights(self) -> tuple[str, ...]:
        return (
            f"""def right(words, text):
    total = {self.number}
    for line in text.splitlines():
        parts = line.split()
        if len(parts) != 2:
            raise ValueError("{self.key}: not a line: " + line)
        total += int(parts[1])
    return "+".join(words) + f"={{total}} {self.key}" + chr(10)""",
            f"""def right(words, text):
    lines = text.strip().split(chr(10))
    bad = [line for line in lines if " " not in line]
    if bad:
        raise ValueError("{self.key}: not a line: %s" % bad[0])
    total = sum(int(line.partition(" ")[2]) for line in lines) + {self.number}
    return "%s=%d {self.key}\\n" % ("+".join(words), total)""",
            f"""def right(words, text):
    import io
    import re
    def numbers(file):
        for line in file:
            found = re.match(r"\\w+ (\\d+)$", line)
            if not found:
                raise ValueError(f"{self.key}: not a line: {{line.strip()}}")
            yield int(found.group(1))
    return "{{}}={{}} {self.key}\\n".format("+".join(words), sum(numbers(io.StringIO(text)), {self.number}))""",
        )

    @property
    def shape(self) -> str:
        return """def main():
    import sys
    try:
        sys.stdout.write(str(core(tuple(sys.argv[1:]), sys.stdin.read())))
    except ValueError as error:
        sys.stderr.write(f"{error}\\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())"""

    @property
    def ask(self) -> str:
        return """def ask(args):
    import contextlib, io, sys
    words, text = args
    out, err, kept = io.StringIO(), io.StringIO(), (sys.argv, sys.stdin)
    sys.argv, sys.stdin = ["it", *words], io.StringIO(text)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = it.main()
    finally:
        sys.argv, sys.stdin = kept
    if code:
        raise ValueError(err.getvalue())
    return out.getvalue()"""

    def steps(self, examples: tuple[Example, ...]) -> tuple[Step, ...]:
        return tuple(
            Step(action="run", argv=(self.function, *each.args[0]), stdin=each.args[1], expect=self._expected(each))
            for each in examples
        )

    def _expected(self, each: Example) -> Expectation:
        if each.message is not None:
            return Expectation(exit=2, stdout="", stderr=f"{each.message}\n")
        return Expectation(exit=0, stdout=each.returns, stderr="")

    def extras(self) -> dict[str, Any]:
        return {"command": f"{self.function} = {self.module}:main"}


class Files(Task):
    """A function that reads one file and writes another. It must not change the first file or write a third."""

    name = "files"
    wrong = "def wrong(text):\n    return text.title()"

    def example(self, *, odd: bool = False) -> Example:
        lines = [f"{self.word(5)},{self.rng.randrange(101, 999)}" for _ in range(4 if odd else 2)]
        if odd:
            lines[2] = ""
        rows = sorted(line.split(",") for line in lines if line)
        out = "".join(f"{name};{int(number) + self.number};{self.key}\n" for name, number in rows)
        return Example(("\n".join(lines) + "\n",), out)

    @property
    def rights(self) -> tuple[str, ...]:
        more, end = self.number, f";{self.key}\\n"
        return (
            f"""def right(text):
    rows = sorted(line.split(",") for line in text.splitlines() if line)
    return "".join(f"{{name}};{{int(number) + {more}}}{end}" for name, number in rows)""",
            f"""def right(text):
    import csv
    import io
    rows = []
    for row in csv.reader(io.StringIO(text)):
        if not row:
            continue
        rows.append((row[0], int(row[1]) + {more}))
    rows.sort()
    out = ""
    for name, number in rows:
        out += name + ";" + str(number) + "{end}"
    return out""",
            f"""def right(text):
    kept = dict(line.split(",") for line in filter(None, text.split(chr(10))))
    return "".join(map(lambda name: "%s;%d{end}" % (name, int(kept[name]) + {more}), sorted(kept)))""",
        )

    @property
    def shape(self) -> str:
        return f"""def {self.function}(source, target):
    with open(source, encoding="utf-8") as file:
        text = file.read()
    made = str(core(text))
    with open(target, "w", encoding="utf-8") as file:
        file.write(made)
    return len(text)"""

    @property
    def ask(self) -> str:
        return f"""def ask(args):
    import pathlib, tempfile
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "in.csv"), pathlib.Path(folder, "out.txt")
        source.write_text(args[0])
        assert it.{self.function}(str(source), str(target)) == len(args[0])
        assert source.read_text() == args[0]
        return target.read_text()"""

    def steps(self, examples: tuple[Example, ...]) -> tuple[Step, ...]:
        made: list[Step] = []
        for index, each in enumerate(examples):
            source, target, (text,) = f"in{index}.csv", f"out{index}.txt", each.args
            seen = Expectation(
                returns=len(text),
                files_after={target: each.returns},
                files_unchanged=(source,),
                files_absent=(f"{source}.bak",),
            )
            call = Step(
                action="call",
                target=f"{self.module}:{self.function}",
                args=(source, target),
                files_before={source: text},
                expect=seen,
            )
            made.append(call)
        return tuple(made)
