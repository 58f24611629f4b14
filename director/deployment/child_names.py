"""Names of processes that other modules look for, without the code that starts them."""

HTTP_CHILD = "http"
"""The process that serves the HTTP API and the pages."""
