"""The answer reader. It converts the text of a model's answer to files, edits and deletions. For text that it cannot
use, it gives reasons.
"""
