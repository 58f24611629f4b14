"""Working copies of sessions: packs, the git history in them, the worker's cache, and the hand-over of differences."""
