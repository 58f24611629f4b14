"""Limits on the size of a tree: one table for base, judged tree, sandbox, judge and delivery.

A larger tree is refused before anybody works, and the message names the path. An employee's answer has its own limit
(agents/workers/result.py). A blob, which must contain the largest file, has one too (bus/blobs.py).
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
