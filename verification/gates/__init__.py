"""The gates of a verdict, one file each: what is asked of a tree before it is called verified."""
