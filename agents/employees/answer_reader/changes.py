"""The change that one block proposes for one file. The proposals are compared later."""

from typing import Literal, NamedTuple

from agents.employees.answer_reader.edits import Edit

Kind = Literal["whole", "edit", "delete", "rename"]


class Proposal(NamedTuple):
    """A change of one file. `path` and `target` are the paths that the model wrote. If they are empty, the text around
    the block names them.

    `content`: the content of a whole file. `target`: the new path of a rename. `created`: the file of an edit does not
    exist yet.
    """

    kind: Kind
    path: str = ""
    content: str = ""
    edits: tuple[Edit, ...] = ()
    target: str = ""
    created: bool = False
