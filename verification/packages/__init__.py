"""Packages for boxes: the tools of the gates, the libraries of a requirement, and installation in a sandbox."""
