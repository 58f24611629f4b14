"""Packages: the toolbox, and installation in a sandbox."""
