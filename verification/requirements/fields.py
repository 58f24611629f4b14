"""Reader of the fields of one mapping by name and type. It reports missing, unknown and wrong fields."""

from collections.abc import Mapping as Map

from verification.requirements.problems import ProblemList, listed, similar
from verification.requirements.yaml_tree import Mapping, Node, Scalar, Sequence, kind


class Fields:
    """The fields of one mapping. `examples` contains every known key with an example of its value."""

    def __init__(self, node: Mapping, report: ProblemList, examples: Map[str, str], what: str) -> None:
        self.node = node
        self.report = report
        self.examples = examples
        self.what = what
        self.meant: set[str] = set()  # known keys that were probably misspelt
        self._refuse_unknown()

    def _refuse_unknown(self) -> None:
        for entry in self.node.entries:
            name = entry.key.text
            if isinstance(entry.key.value, str) and name in self.examples:
                continue
            near = similar(name, self.examples)
            self.meant.add(near or "")
            message = f"`{name[:60]}` is not a key of {self.what}" + (f"; did you mean `{near}`?" if near else "")
            self.report.add(entry.key, message, self.line(near) if near else f"one of {listed(self.examples)}")

    def line(self, name: str) -> str:
        return f"{name}: {self.examples[name]}"

    def get(self, name: str) -> Node | None:
        return self.node.get(name)

    def has(self, name: str) -> bool:
        return self.node.get(name) is not None

    def require(self, name: str) -> Node | None:
        """Return the field's node. Report a missing field, unless an unknown key is probably a misspelling of it."""
        node = self.node.get(name)
        if node is None and name not in self.meant:
            self.report.add(self.node, f"`{name}` is missing in {self.what}", self.line(name))
        return node

    def wrong(self, name: str, node: Node, wanted: str, remedy: str = "") -> None:
        self.report.add(node, f"`{name}` must be {wanted}, not {kind(node)}", remedy or self.line(name))

    def text(self, name: str, *, required: bool = False, empty: bool = False) -> str | None:
        """Return a text; None if the field is missing or wrong. `empty` allows an empty text."""
        node = self.require(name) if required else self.get(name)
        if node is None:
            return None
        return self.as_text(name, node, empty=empty, prefix=f"{name}: ")

    def as_text(self, name: str, node: Node, *, empty: bool = False, prefix: str = "") -> str | None:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if node.value.strip() or empty:
                return node.value
            self.report.add(node, f"`{name}` is empty", self.line(name))
            return None
        quoted = f'{prefix}"{node.text[:60]}"' if isinstance(node, Scalar) and node.text else ""
        self.wrong(name, node, "text", quoted)
        return None

    def items(self, name: str, *, required: bool = False, empty: bool = False) -> tuple[Node, ...] | None:
        """Return the items of a list; None if the field is missing or wrong. `empty` allows an empty list."""
        node = self.require(name) if required else self.get(name)
        if node is None:
            return None
        if not isinstance(node, Sequence):
            shown = f'"{node.text[:60]}"' if isinstance(node, Scalar) and isinstance(node.value, str) else None
            shown = node.text[:60] if shown is None and isinstance(node, Scalar) else shown
            self.wrong(name, node, "a list", f"{name}: [{shown}]" if shown else "")
            return None
        if not node.items and not empty:
            self.report.add(node, f"`{name}` is an empty list", self.line(name))
            return None
        return node.items

    def texts(self, name: str, *, required: bool = False, empty: bool = False) -> tuple[tuple[str, Node], ...] | None:
        """Return a list of texts, each with its node. Wrong items are reported and not returned."""
        items = self.items(name, required=required, empty=empty)
        if items is None:
            return None
        read = [(self.as_text(name, item, empty=empty), item) for item in items]
        return tuple((text, item) for text, item in read if text is not None)

    def mapping(self, name: str, *, required: bool = False) -> Mapping | None:
        node = self.require(name) if required else self.get(name)
        if node is None or isinstance(node, Mapping):
            return node
        self.wrong(name, node, "a mapping")
        return None

    def flag(self, name: str) -> bool:
        """Return whether the field exists and is `true`. Report a value that is neither `true` nor `false`."""
        node = self.get(name)
        if node is None:
            return False
        if not isinstance(node, Scalar) or not isinstance(node.value, bool):
            self.wrong(name, node, "true or false", f"{name}: true")
            return False
        return node.value

    def number(self, name: str, low: float, high: float, *, whole: bool = False) -> float | None:
        """Return a number from `low` to `high`; None if the field is missing or wrong."""
        node = self.get(name)
        if node is None:
            return None
        value = node.value if isinstance(node, Scalar) else None
        wanted = "a whole number" if whole else "a number"
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            self.wrong(name, node, wanted)
            return None
        if not low <= value <= high:
            self.report.add(node, f"`{name}` must be {wanted} from {low} to {high}", self.line(name))
            return None
        return value
