"""The plan of a run as a drawing: layers by the longest path, and lines between them."""

from collections.abc import Sequence

import msgspec

from director.services.run_at import PlannedNode

NODE_W, NODE_H, GAP_X, GAP_Y, EDGE = 190, 58, 60, 18, 8
SWEEPS = 4
NAME_CHARACTERS = 22


class DrawnNode(msgspec.Struct, frozen=True, kw_only=True):
    """A task with its place."""

    node: PlannedNode
    label: str
    x: int
    y: int


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """The places of all tasks, and a curve for each dependency. Sizes are units of the drawing."""

    width: int
    height: int
    nodes: tuple[DrawnNode, ...]
    curves: tuple[str, ...]


def drawing(plan: Sequence[PlannedNode]) -> Drawing:
    """Return the drawing of a plan. A dependency that is not in the plan is left out."""
    layers = _ordered(plan, _layers(plan))
    high = max((len(layer) for layer in layers), default=0)
    nodes: dict[str, DrawnNode] = {}
    for column, layer in enumerate(layers):
        free = (high - len(layer)) * (NODE_H + GAP_Y) // 2
        for row, node in enumerate(layer):
            label = node.name if len(node.name) <= NAME_CHARACTERS else f"{node.name[: NAME_CHARACTERS - 1]}…"
            x, y = EDGE + column * (NODE_W + GAP_X), EDGE + free + row * (NODE_H + GAP_Y)
            nodes[node.name] = DrawnNode(node=node, label=label, x=x, y=y)
    curves = tuple(_curve(nodes[name], drawn) for drawn in nodes.values() for name in drawn.node.after if name in nodes)
    width = 2 * EDGE + max(len(layers) * (NODE_W + GAP_X) - GAP_X, 0)
    height = 2 * EDGE + max(high * (NODE_H + GAP_Y) - GAP_Y, 0)
    return Drawing(width=width, height=height, nodes=tuple(nodes.values()), curves=curves)


def _layers(plan: Sequence[PlannedNode]) -> dict[str, int]:
    """Return the layer of each task: one more than the layers of the tasks before it."""
    layers = {node.name: 0 for node in plan}
    for _ in plan:  # a plan without a cycle is stable after as many rounds as it has tasks
        for node in plan:
            before = [layers[name] for name in node.after if name in layers]
            layers[node.name] = min(max(before, default=-1) + 1, len(plan))
    return layers


def _ordered(plan: Sequence[PlannedNode], layers: dict[str, int]) -> list[list[PlannedNode]]:
    """Return the tasks by layer. Within a layer, a task is near the tasks before it."""
    found = [[node for node in plan if layers[node.name] == number] for number in sorted(set(layers.values()))]
    for _ in range(SWEEPS):
        places = {node.name: place for layer in found for place, node in enumerate(layer)}
        for layer in found[1:]:
            layer.sort(key=lambda node: (_middle(node, places), node.name))
            places |= {node.name: place for place, node in enumerate(layer)}
    return found


def _middle(node: PlannedNode, places: dict[str, int]) -> float:
    before = [places[name] for name in node.after if name in places]
    return sum(before) / len(before) if before else 0.0


def _curve(start: DrawnNode, end: DrawnNode) -> str:
    """Return the path from the right side of a task to the left side of another one."""
    x1, y1, x2, y2 = start.x + NODE_W, start.y + NODE_H // 2, end.x, end.y + NODE_H // 2
    middle = (x1 + x2) // 2
    return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"
