"""Gates of a verdict, one file for each gate. A gate checks one question about a tree."""
