"""Flame graphs as SVG, and folded stacks, which other tools read (speedscope, inferno)."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

from bench.profiling.layers import LAYERS, Frame, Stack, layer_of_stack

WIDTH, ROW, MARGIN = 1200.0, 16, 4
SHARE_MIN = 0.003
"""A function with a smaller share of the time is not drawn."""
LETTER = 6.3
"""Width of a letter."""
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
    'font-family="monospace" font-size="11">\n'
    '<rect width="100%" height="100%" fill="#fff"/>\n'
    '<text x="{margin}" y="14">{title}</text>'
)
BOX = (
    '<g><title>{full}</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="{fill}"/>{text}</g>'
)
TEXT = '<text x="{x:.1f}" y="{y}">{text}</text>'


@dataclass
class Node:
    """A function in the tree of all stacks, with its time and the functions that it called."""

    layer: str = ""
    seconds: float = 0.0
    called: dict[Frame, "Node"] = field(default_factory=dict)

    def depth(self, seconds_min: float) -> int:
        """Return the number of rows below this function that are drawn."""
        return max(
            (1 + node.depth(seconds_min) for node in self.called.values() if node.seconds >= seconds_min), default=0
        )


def folded(samples: Mapping[Stack, float]) -> str:
    """Return one line for each stack: its functions with semicolons between them, and microseconds."""
    lines = [
        f"{';'.join('.'.join(frame) for frame in stack)} {1e6 * seconds:.0f}"
        for stack, seconds in samples.items()
        if stack
    ]
    return "\n".join([*sorted(lines), ""])


def tree_of(samples: Mapping[Stack, float]) -> Node:
    root = Node()
    for stack, seconds in samples.items():
        root.seconds += seconds
        node = root
        for at, frame in enumerate(stack):
            node = node.called.setdefault(frame, Node(layer_of_stack(stack[: at + 1])))
            node.seconds += seconds
    return root


def svg(samples: Mapping[Stack, float], title: str) -> str:
    """Draw a flame graph. The outermost functions are on top. The colour of a box is the colour of its layer."""
    root = tree_of(samples)
    seconds_min = SHARE_MIN * root.seconds
    height = ROW * (root.depth(seconds_min) + 2) + 2 * MARGIN
    lines = [HEAD.format(width=WIDTH, height=height, margin=MARGIN, title=escape(title))]
    if root.seconds:
        lines += _boxes(root, root.seconds, 0.0, ROW + 2 * MARGIN, seconds_min)
    return "\n".join([*lines, "</svg>", ""])


def _boxes(node: Node, whole: float, x: float, y: int, seconds_min: float) -> Iterator[str]:
    for (module, name), called in sorted(node.called.items(), key=lambda each: each[0]):
        if called.seconds < seconds_min:
            continue
        width = WIDTH * called.seconds / whole
        full = f"{module}.{name}: {100 * called.seconds / whole:.1f}% ({called.layer})"
        short = name[: int((width - 4) / LETTER)]
        yield BOX.format(
            full=escape(full),
            x=x,
            y=y,
            width=max(0.5, width - 0.5),
            height=ROW - 1,
            fill=_colour(called.layer),
            text=TEXT.format(x=x + 2, y=y + 11, text=escape(short)) if len(short) > 2 else "",
        )
        yield from _boxes(called, whole, x, y + ROW, seconds_min)
        x += width


def _colour(layer: str) -> str:
    """Return the colour of a layer. It depends only on the layer's place in the table."""
    place = LAYERS.index(layer) if layer in LAYERS else zlib.crc32(layer.encode()) % len(LAYERS)
    return f"hsl({place * 360 // len(LAYERS)},65%,75%)"
