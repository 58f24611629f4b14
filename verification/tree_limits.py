"""Limits on the size of a tree. They apply to the base, the judged tree, the sandbox, the judge and the delivery.

A larger tree is refused before an employee works, and the message names the path. agents/workers/result.py limits the
size of an employee's answer. bus/blobs.py limits the size of a blob, and its limit must permit the largest file.
"""

TREE_FILES_MAX = 10_000
"""Maximum number of files, links and submodules of one tree."""
TREE_BYTES_MAX = 256 * 1024**2
"""Maximum size of all files of one tree together."""
FILE_BYTES_MAX = 32 * 1024**2
"""Maximum size of one file."""
FOLDERS_DEPTH_MAX = 32
"""Maximum depth of nested folders."""
LINK_CHARS_MAX = 400
"""Maximum length of a link's target."""
SHOWN_FILE_BYTES_MAX = 1024**2
"""A longer file of the base is named in an employee's brief, but its text is not shown."""
