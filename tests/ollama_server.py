"""The real Ollama server with the small model, for tests. `.ci/ollama` builds the server."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.employees.providers.llama_cpp_server import model_path
from bus.embedded.port import free_port

VERSION = "v0.17.4"
MODEL = "smol"
READY_WALL_S = 60.0
CREATE_WALL_S = 120.0
POLL_S = 0.1
_BESIDE_PYTHON = Path(sys.executable).with_name("ollama")
PROGRAM = str(_BESIDE_PYTHON) if _BESIDE_PYTHON.exists() else shutil.which("ollama")
WEIGHTS = model_path()

needs_ollama = [
    pytest.mark.real_model,
    pytest.mark.skipif(PROGRAM is None, reason="the Ollama server is not here: .ci/ollama"),
    pytest.mark.skipif(WEIGHTS is None, reason="the weights of the small model are not installed"),
]


class OllamaServer:
    """One running server with its own folder of models."""

    def __init__(self, folder: Path, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "OLLAMA_HOST": f"127.0.0.1:{port}",
            "OLLAMA_MODELS": str(folder / "models"),
        }

    def create(self, name: str = MODEL, *lines: str) -> None:
        """Make a model from the weights, with further lines of its Modelfile.

        One thread: two threads disturb each other if another program runs.
        """
        modelfile = self._folder / f"{name}.modelfile"
        modelfile.write_text("\n".join([f"FROM {WEIGHTS}", "PARAMETER num_thread 1", *lines, ""]))
        self.command("create", name, "-f", str(modelfile))

    def command(self, *arguments: str) -> str:
        """Run a command of Ollama, and return its output."""
        assert PROGRAM is not None
        done = subprocess.run(
            [PROGRAM, *arguments],
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=CREATE_WALL_S,
            check=True,
        )
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator["OllamaServer"]:
        """Run the server until the end of the block."""
        assert PROGRAM is not None
        with (self._folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [PROGRAM, "serve"], env=self._environment, cwd=self._folder, stdout=log, stderr=log
            )
            try:
                self._wait(process)
                yield self
            finally:
                process.terminate()
                process.wait(READY_WALL_S)

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + READY_WALL_S
        while True:
            try:
                with urllib.request.urlopen(f"{self.address}/api/version", timeout=1):
                    return
            except (urllib.error.URLError, TimeoutError):
                assert process.poll() is None, (self._folder / "server.log").read_text()[-2000:]
                assert time.monotonic() < deadline, "the Ollama server is not ready"
                time.sleep(POLL_S)


@contextmanager
def ollama_server(folder: Path) -> Iterator[OllamaServer]:
    """Run the real server with the small model."""
    with OllamaServer(folder, free_port()).serving() as server:
        server.create()
        yield server
