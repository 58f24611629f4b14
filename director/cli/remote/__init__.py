"""The command line on another machine: AURA_URL and a token send a command to the HTTP API, which carries it out."""
