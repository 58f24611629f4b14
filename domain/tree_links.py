"""Resolution of links within a tree, without a file system."""

from collections.abc import Mapping

FOLLOWED_MAX = 40
"""Limit of links in one path, as in Linux. A path with more links counts as a loop."""


def resolved(path: str, links: Mapping[str, str]) -> str | None:
    """Return the path after all links are followed. The root is the empty text.

    `links` maps each link of the tree to its text. Return None if the path leaves the tree or loops.
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
    """Follow the links in the folders of a path, but not a link at the path itself. Return None as in `resolved`."""
    folder, slash, name = path.rpartition("/")
    above = resolved(folder, links)
    return None if above is None else f"{above}/{name}".lstrip("/") if slash else name
