"""The embedded servers: nats-server and PostgreSQL from their wheels, started, probed, supervised and stopped."""
