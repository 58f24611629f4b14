"""Links within a tree: where a path leads when they are followed, without a file system."""

from collections.abc import Mapping

FOLLOWED_MAX = 40
"""Links on one way, as Linux counts them. A way with more of them goes round in a circle."""


def resolved(path: str, links: Mapping[str, str]) -> str | None:
    """Return the path that a path leads to, every link on its way followed; the root is the empty text.

    `links` maps each link of the tree to its text. None: the way leaves the tree or goes round in a circle.
    """
    reached: list[str] = []
    ahead = path.split("/")[::-1]
    followed = 0
    while ahead:
        name = ahead.pop()
        if name == "..":
            if not reached:
                return None
            reached.pop()
        elif name not in ("", "."):
            reached.append(name)
            text = links.get("/".join(reached))
            if text is not None:
                followed += 1
                if followed > FOLLOWED_MAX or text.startswith("/"):
                    return None
                reached.pop()
                ahead += text.split("/")[::-1]
    return "/".join(reached)


def place_of(path: str, links: Mapping[str, str]) -> str | None:
    """Return where a path itself stands: the links above it are followed, and it is not. None as in `resolved`."""
    folder, slash, name = path.rpartition("/")
    above = resolved(folder, links)
    return None if above is None else f"{above}/{name}".lstrip("/") if slash else name
