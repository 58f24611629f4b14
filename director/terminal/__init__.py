"""Text for a terminal: answers, tables, events in words, escaped text of strangers."""
