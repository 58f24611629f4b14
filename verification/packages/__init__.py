"""Packages: the toolbox, the libraries of a requirement, and installation in a sandbox."""
