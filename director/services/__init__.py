"""Use cases of the Director: values in, structs out, typed errors, progress by callback. They never print."""
