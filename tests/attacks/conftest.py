"""Fixtures of the attack tests."""

from tests.docker import box_image, docker_engine, docker_sandbox
from tests.sandboxes import any_sandbox, pooled_sandbox, sandbox

__all__ = ["any_sandbox", "box_image", "docker_engine", "docker_sandbox", "pooled_sandbox", "sandbox"]
