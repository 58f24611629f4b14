"""Honest deliveries of the zoo, in the styles of people and models."""
