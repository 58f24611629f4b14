"""The web pages of the Director. They read through the services, and send commands as the signed-in person."""
