"""The change that one block proposes for one file. The proposals are compared later."""

from typing import Literal, NamedTuple

from agents.employees.answer_reader.edits import Edit

Kind = Literal["whole", "edit", "delete", "rename"]


class Proposal(NamedTuple):
    """A change of one file. `path` and `target` are as the model wrote them. If they are empty, the text around names
    them.

    `content`: of a whole file. `target`: the new path of a rename. `created`: the file of an edit does not exist yet.
    """

    kind: Kind
    path: str = ""
    content: str = ""
    edits: tuple[Edit, ...] = ()
    target: str = ""
    created: bool = False
