"""Settings from the environment: AURA_HOME, addresses and so on. They are read when a command runs, not at import."""

from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bus.disk_room import MIB
from bus.embedded.log_file import LogLimits
from bus.embedded.stack import Endpoints, status
from bus.embedded.state import RESTART_LONGEST_S
from bus.event_loop import LoopChoice
from bus.hosts import is_loopback
from bus.logger import Form
from bus.secretfile import from_file
from domain.errors import Invalid, Unavailable
from observability.http_endpoint import LOOPBACK
from verification.sandbox.choice import Boxes, Choice
from verification.sandbox.dockerengine import DEFAULT_HOST
from verification.sandbox.machine import machine_id

METRICS_OFF = HTTP_OFF = "off"
HTTP_PORT = 8000
EVERY_ADDRESS = "0.0.0.0"
PORT_MAX = 65535
RESTART_WAIT_MAX_S = 3600.0
STREAM_GIB_MAX = 1024
LOG_MIB_MAX = 4096
LOG_FILES_MAX = 99


class Settings(BaseSettings):
    """The AURA_* variables. Keys of providers are not among them: each worker reads its own key when it starts."""

    model_config = SettingsConfigDict(env_prefix="AURA_", env_ignore_empty=True, extra="ignore")

    home: Path = Path(".aura")
    nats_url: str | None = None
    nats_url_file: Path | None = None
    worker_nats_url: str | None = None
    worker_nats_url_file: Path | None = None
    postgres_dsn: str | None = None
    postgres_dsn_file: Path | None = None
    openai_base_url: str | None = None
    openai_model: str | None = None
    openai_price: str = "genai-prices"
    allow_degraded: bool = False
    machine: str | None = None
    sandbox: Choice = "auto"
    sandbox_image: str | None = None
    docker_host: str = DEFAULT_HOST
    metrics_port: str = ""
    metrics_host: str = LOOPBACK
    http_port: str = ""
    http_published_on: str = ""
    http_address: str = ""
    log: Form | None = None
    loop: LoopChoice = "auto"
    hops: bool = False
    restart_wait_max_s: float = Field(default=RESTART_LONGEST_S, gt=0, le=RESTART_WAIT_MAX_S)

    log_mib: int = Field(default=LogLimits().bytes_max // MIB, ge=1, le=LOG_MIB_MAX)
    log_files: int = Field(default=LogLimits().files_max, ge=0, le=LOG_FILES_MAX)
    stream_gib: int | None = Field(default=None, ge=1, le=STREAM_GIB_MAX)

    def __init__(self) -> None:
        """Read the environment. Raises Invalid with the name of a variable that is not valid."""
        try:
            super().__init__()
        except ValidationError as error:
            wrong = error.errors()[0]
            name = f"AURA_{str(wrong['loc'][0]).upper()}"
            raise Invalid(f"{name} is not valid: {wrong['msg']}.", hint=f"Correct it, or unset {name}.") from None
        self.nats_url = from_file("AURA_NATS_URL", self.nats_url, self.nats_url_file)
        self.worker_nats_url = from_file("AURA_WORKER_NATS_URL", self.worker_nats_url, self.worker_nats_url_file)
        self.postgres_dsn = from_file("AURA_POSTGRES_DSN", self.postgres_dsn, self.postgres_dsn_file)

    def of_demo(self) -> "Settings":
        """Return the settings of a demonstration: a home next to this one, its own servers, and its own employees."""
        own = type(self)()
        own.home = self.root.with_name(f"{self.root.name}-demo")
        own.nats_url = own.worker_nats_url = own.postgres_dsn = None
        own.openai_base_url = own.openai_model = None
        own.metrics_port = ""
        own.http_port = HTTP_OFF
        own.allow_degraded = True
        return own

    @cached_property
    def root(self) -> Path:
        """The home as an absolute path."""
        return self.home.expanduser().absolute()

    @cached_property
    def machine_id(self) -> str:
        """The id of this machine. Missing sandbox limits are accepted for this id."""
        return machine_id(self.machine, self.root)

    def log_limits(self) -> LogLimits:
        """Return the size limit of the processes' logs, and the number of older files to keep."""
        return LogLimits(self.log_mib * MIB, self.log_files)

    def boxes(self) -> Boxes:
        """Return the settings that choose the sandbox for code under test."""
        return Boxes(self.sandbox, self.docker_host, self.sandbox_image, self.root / "sandbox")

    def listen_on(self) -> int | None:
        """Return the port for health and metrics. 0 means any free port, and None means no port. Raises Invalid."""
        return _port("AURA_METRICS_PORT", self.metrics_port)

    def serve_http_on(self) -> int | None:
        """Return the port at which `aura up` serves the HTTP API if it is free, and None for no API. Raises Invalid."""
        return _port("AURA_HTTP_PORT", self.http_port or str(HTTP_PORT))

    def serve_http_at(self) -> str:
        """Return the address at which the HTTP API listens: loopback, or in a container every address. Raises Invalid.

        AURA_HTTP_PUBLISHED_ON names the address of the host at which the engine publishes the container's port. It has
        to be a loopback address, because the API has no TLS.
        """
        if not self.http_published_on:
            return LOOPBACK
        if not is_loopback(self.http_published_on):
            raise Invalid(
                f"AURA_HTTP_PUBLISHED_ON is {self.http_published_on}, which is not a loopback address.",
                hint=f"The API has no TLS. Publish its port on {LOOPBACK}, and put a proxy with TLS in front.",
                code="needs_tls",
            )
        return EVERY_ADDRESS

    def public_address(self) -> str:
        """Return the address of the proxy with TLS in front of the HTTP API; empty without one. Raises Invalid."""
        address = self.http_address.removesuffix("/")
        if address and not _has_tls_and_no_path(address):
            raise Invalid(
                f"AURA_HTTP_ADDRESS is {self.http_address}, which is not the address of a proxy with TLS.",
                hint="Write it without a path: https://aura.example.org",
            )
        return address

    def listen_at(self) -> str:
        """Return the address of this machine that serves health and metrics. Raises Invalid."""
        try:
            return str(ip_address(self.metrics_host))
        except ValueError:
            raise Invalid(
                f"AURA_METRICS_HOST is {self.metrics_host}, which is not an IP address.",
                hint=f"Write {LOOPBACK}, another address of this machine, or 0.0.0.0 for all of them.",
            ) from None

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def employees(self) -> Path:
        return self.root / "employees"

    @property
    def employees_file(self) -> Path:
        """The file that declares employees. `aura up` applies it if it exists."""
        return self.root / "employees.toml"

    @property
    def base_outcomes(self) -> Path:
        """The folder that stores the results of each base's own tests on the unchanged base."""
        return self.root / "base-outcomes"

    @property
    def base_builds(self) -> Path:
        """The folder that stores the files that are generated when a base is built."""
        return self.root / "base-builds"

    @property
    def libraries(self) -> Path:
        """The folder with the installed dependencies of requirements."""
        return self.root / "libraries"

    def endpoints(self) -> Endpoints:
        """Return the addresses of NATS and Postgres. Raises Unavailable if nothing runs and an address is not set."""
        if self.nats_url and self.postgres_dsn:
            return Endpoints(self.nats_url, self.postgres_dsn, self.worker_nats_url or "")
        found = status(self.root).endpoints
        if found is None:
            raise Unavailable(
                f"Nothing runs in {self.root}.",
                hint="Start it with `aura up`, or set AURA_NATS_URL and AURA_POSTGRES_DSN to running servers.",
                code="not_running",
            )
        own = "" if self.nats_url else found.worker_nats_url  # it belongs to the embedded server
        return Endpoints(
            self.nats_url or found.nats_url, self.postgres_dsn or found.postgres_dsn, self.worker_nats_url or own
        )

    def store_only(self) -> str:
        """Return the address of Postgres, for commands that only read the log."""
        return self.postgres_dsn or self.endpoints().postgres_dsn


def _has_tls_and_no_path(address: str) -> bool:
    try:
        parts = urlsplit(address)
        plain = bool(parts.hostname) and parts.port != 0 and "@" not in address and address.isascii()
    except ValueError:
        return False
    return plain and parts.scheme == "https" and address == f"https://{parts.netloc}"


def _port(name: str, text: str) -> int | None:
    """Return the port in the value of a variable. 0 means any free port, and None means no port. Raises Invalid."""
    if text == METRICS_OFF:
        return None
    if text and (not text.isascii() or not text.isdecimal() or int(text) > PORT_MAX):
        raise Invalid(
            f"{name} is {text}, which is not a port.",
            hint=f"Write a port up to {PORT_MAX}, 0 for any free port, or {METRICS_OFF}.",
        )
    return int(text or 0)
