"""A folder that is handed in to be judged, compared with its base as git compares a work tree; git never runs."""
