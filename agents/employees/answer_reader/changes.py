"""The proposal of one block for one file, before it is known which proposals are chosen."""

from typing import Literal, NamedTuple

from agents.employees.answer_reader.edits import Edit

Kind = Literal["whole", "edit", "delete", "rename"]


class Proposal(NamedTuple):
    """A change of one file. `path` and `target` are as the model writes them; empty: the text around says it.

    `content`: of a whole file. `target`: the new path of a rename. `created`: an edit whose file is not there yet.
    """

    kind: Kind
    path: str = ""
    content: str = ""
    edits: tuple[Edit, ...] = ()
    target: str = ""
    created: bool = False
