"""The largest tree that is carried: one table for base, judged tree, box, judge and delivery.

What is larger is refused before anybody works, with the path. An employee's answer has a limit of its own
(agents/workers/result.py), and so has a blob (bus/blobs.py), which holds the largest file.
"""

TREE_FILES_MAX = 10_000
"""Files, links and submodules of one tree."""
TREE_BYTES_MAX = 256 * 1024**2
"""Contents of all files of one tree."""
FILE_BYTES_MAX = 32 * 1024**2
"""Content of one file."""
FOLDERS_DEPTH_MAX = 32
"""Folders within folders."""
LINK_CHARS_MAX = 400
"""Text of one link."""
SHOWN_FILE_BYTES_MAX = 1024**2
"""A longer file of the base is named to an employee and not shown."""
