"""The answer reader: from the text of a model's answer to files, edits, deletions and what was not understood."""
