"""Is it right? Requirement files, the sandbox, the judge and the verdict."""
