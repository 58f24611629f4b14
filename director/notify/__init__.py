"""Notifications: events that need a person go to webhooks and by mail. One process reads the log and sends them."""
