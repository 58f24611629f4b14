"""Sign-in at an OpenID provider: its configuration, the provider's documents, and the checks of an ID token."""
