"""Fixtures of the attack tests."""

from tests.docker import box_image, docker_engine, docker_sandbox
from tests.sandboxes import sandbox

__all__ = ["box_image", "docker_engine", "docker_sandbox", "sandbox"]
