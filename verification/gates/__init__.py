"""Gates of a verdict, one file each. Each gate checks one question about a tree."""
