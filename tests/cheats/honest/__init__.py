"""Honest deliveries of the zoo, in the styles in which people and models write."""
