"""The answer reader: it turns the text of a model's answer into files, edits, deletions and reasons for the rest."""
