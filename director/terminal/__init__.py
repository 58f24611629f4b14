"""Text for a terminal: answers, tables, events in words, and escaped text from outside Aura."""
