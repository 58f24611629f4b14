"""The only place where SQL is written: migrations and named queries, one object or query per file."""

from functools import cache
from importlib.resources import files


@cache
def named(name: str) -> str:
    """The text of sql/queries/NAME.sql. FileNotFoundError names the path of a query that is not there."""
    return files(__name__).joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")
