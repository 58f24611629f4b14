"""A recorded log of release 0.1.0 for tests of later releases: its recording, its reading, and the expected results."""
