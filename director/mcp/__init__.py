"""The MCP server: an editor or agent reads, submits and, with the right token, decides as one person."""
