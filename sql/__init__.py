"""The only place for SQL: migrations and named queries, with one object or query per file."""

from functools import cache
from importlib.resources import files


@cache
def named(name: str) -> str:
    """Return the text of sql/queries/NAME.sql. Raises FileNotFoundError, which names the path of a missing query."""
    return files(__name__).joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")
