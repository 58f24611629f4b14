"""The lines of the keys of a TOML file, by which its problems are reported."""

import pytest

from director.services.toml_lines import lines_of, read_toml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\nb = 2", {("a",): 1, ("b",): 2}),
        ("[t]\n\n# c\nx = [\n 1,\n]\ny = 2", {("t",): 1, ("t", "x"): 4, ("t", "y"): 7}),
        ('x = """\n[t]\n"""\n[t]\ny = 1', {("x",): 1, ("t",): 4, ("t", "y"): 5}),
        ('[a."b c"]\nd.e = 1', {("a",): 1, ("a", "b c"): 1, ("a", "b c", "d"): 2, ("a", "b c", "d", "e"): 2}),
        ("t = { x = 1 }", {("t",): 1, ("t", "x"): 1}),
        ("[[t]]\nx = 1\n[[t]]\nx = 2", {("t",): 1, ("t", "x"): 2}),
        ("[a]\nx = '#'  # not the end\n[b]", {("a",): 1, ("a", "x"): 2, ("b",): 3}),
    ],
)
def test_the_line_of_each_key(text: str, expected: dict[tuple[str, ...], int]) -> None:
    assert read_toml(text)
    assert lines_of(text) == expected
