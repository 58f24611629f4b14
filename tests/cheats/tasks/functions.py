"""Tasks with one function: of texts, of numbers, one that refuses input, one of values that JSON has no type for."""

from decimal import Decimal
from math import inf, nan
from typing import ClassVar

from tests.cheats.tasks.base import Example, Task, expected, written
from verification.requirements.model import Step

APPROX = 1e-6


class Function(Task):
    """A plain function with positional arguments."""

    approx: ClassVar[float | None] = None

    @property
    def shape(self) -> str:
        return f"def {self.function}(*args):\n    return core(*args)"

    @property
    def ask(self) -> str:
        return f"def ask(args):\n    return it.{self.function}(*args)"

    def steps(self, examples: tuple[Example, ...]) -> tuple[Step, ...]:
        target = f"{self.module}:{self.function}"
        return tuple(
            Step(
                action="call",
                target=target,
                args=tuple(written(value) for value in each.args),
                expect=expected(each, approx=self.approx),
            )
            for each in examples
        )


class Texts(Function):
    """Words in small letters, joined by a random word, with a random number at the end."""

    name = "text function"
    wrong = "def wrong(text, number):\n    return text.strip().lower()"

    def example(self, *, odd: bool = False) -> Example:
        words = [self.word(5).title() for _ in range(3 if odd else 2)]
        number = self.rng.randrange(101, 999)
        text = ("   " if odd else " ").join(words)
        return Example((text, number), f"-{self.key}-".join(words).lower() + f":{number + self.number}")

    @property
    def rights(self) -> tuple[str, ...]:
        join, more = f"-{self.key}-", self.number
        return (
            f"def right(text, number):\n    return {join!r}.join(text.lower().split()) + f':{{number + {more}}}'",
            f"""def right(text, number):
    result = ""
    for word in text.split():
        if result:
            result += {join!r}
        for letter in word:
            result += letter.lower()
    return result + ":" + str(number + {more})""",
            f"""def right(text, number):
    import re
    def rest(words):
        return words[0] if len(words) == 1 else words[0] + {join!r} + rest(words[1:])
    return "%s:%d" % (rest(re.findall(r"\\S+", text.casefold())), number + {more})""",
        )


class Numbers(Function):
    """The exact sum of large whole numbers times a random number, and the mean of the other numbers."""

    name = "number function"
    approx = APPROX
    wrong = "def wrong(numbers):\n    return [sum(int(n) for n in numbers if n == n), 0.5]"

    def example(self, *, odd: bool = False) -> Example:
        whole = [self.rng.randrange(10**20, 10**24) if odd else self.rng.randrange(-9999, 9999) for _ in range(3)]
        parts = [self.rng.randrange(100, 900) / 8 for _ in range(2)]
        special = [] if not self._sealing else [[inf], [nan]][odd]
        mean = sum([*parts, *special]) / len([*parts, *special])
        return Example(([*whole, *parts, *special],), [sum(whole) * self.number, mean])

    @property
    def _sealing(self) -> bool:
        """Whether the visible examples are drawn already.

        A value that equals nothing cannot be an example of a test.
        """
        return hasattr(self, "visible")

    @property
    def rights(self) -> tuple[str, ...]:
        factor = self.number
        return (
            f"""def right(numbers):
    parts = [n for n in numbers if isinstance(n, float)]
    return [sum(n for n in numbers if isinstance(n, int)) * {factor}, sum(parts) / len(parts)]""",
            f"""def right(numbers):
    total, mean, count = 0, 0.0, 0
    for n in numbers:
        if type(n) is int:
            total += n * {factor}
        else:
            count += 1
            mean = n if count == 1 else mean + n
    return [total, mean / count]""",
            f"""def right(numbers):
    from functools import reduce
    import operator
    whole, parts = ([n for n in numbers if isinstance(n, kind)] for kind in (int, float))
    return [{factor} * reduce(operator.add, whole, 0), reduce(operator.add, parts) / len(parts)]""",
        )


class Parser(Function):
    """Settings in one line, with random names. Any other text is refused with a random word."""

    name = "parser that raises"
    wrong = "def wrong(text):\n    return dict(part.split('=', 1) for part in text.split(';') if '=' in part)"

    def example(self, *, odd: bool = False) -> Example:
        names = [self.word(5) for _ in range(3)]
        values = [self.rng.randrange(101, 9999) for _ in names]
        parts = [f"{self.key}.{name}={value}" for name, value in zip(names, values, strict=True)]
        if odd:
            parts[self.rng.randrange(3)] = bad = self.word(6)
            return Example((";".join(parts),), message=f"{self.key}: no setting: {bad}")
        return Example((";".join(parts),), dict(zip(names, values, strict=True)))

    @property
    def rights(self) -> tuple[str, ...]:
        start = f"{self.key}."
        return (
            f"""def right(text):
    found = {{}}
    for part in text.split(";"):
        name, sign, value = part.partition("=")
        if not sign or not name.startswith({start!r}):
            raise ValueError("{self.key}: no setting: " + part)
        found[name[len({start!r}):]] = int(value)
    return found""",
            f"""def right(text):
    import re
    def one(part):
        match = re.fullmatch(r"{self.key}[.](\\w+)=(\\d+)", part)
        if match is None:
            raise ValueError(f"{self.key}: no setting: {{part}}")
        return match[1], int(match[2])
    return dict(map(one, text.split(";")))""",
            f"""def right(text):
    try:
        return {{name.split(".")[1]: int(value) for name, value in (part.split("=") for part in text.split(";"))}}
    except ValueError:
        bad = [part for part in text.split(";") if "=" not in part]
        raise ValueError("{self.key}: no setting: " + bad[0]) from None""",
        )


class Tagged(Function):
    """A tuple of a Decimal, a set and bytes, from tuples of texts and Decimals."""

    name = "tagged values"
    wrong = "def wrong(rows):\n    return (sum(price for _, price in rows), {name for name, _ in rows}, b'')"

    def example(self, *, odd: bool = False) -> Example:
        names = [self.word(5) for _ in range(3)]
        if odd:
            names[2] = names[0]
        rows = tuple((name, Decimal(self.rng.randrange(10_000, 99_999)) / 100) for name in names)
        total = sum((price for _, price in rows), Decimal(0)) + Decimal(self.number) / 1000
        return Example((rows,), (total, {name.upper() for name in names}, f"{self.key}:{names[-1]}".encode()))

    @property
    def rights(self) -> tuple[str, ...]:
        more, start = f'Decimal("{Decimal(self.number) / 1000}")', f"{self.key}:".encode()
        return (
            f"""def right(rows):
    names = [name for name, _ in rows]
    total = sum((price for _, price in rows), {more})
    return total, {{name.upper() for name in names}}, {start!r} + names[-1].encode()""",
            f"""def right(rows):
    total, seen = {more}, set()
    for name, price in rows:
        total = total + price
        seen.add(name.upper())
    return (total, seen, b"".join([{start!r}, rows[-1][0].encode("ascii")]))""",
            f"""def right(rows):
    import functools
    import operator
    names, prices = zip(*rows)
    upper = set(map(str.upper, names))
    return tuple([functools.reduce(operator.add, prices) + {more}, upper, {start!r} + bytes(names[-1], "utf-8")])""",
        )
