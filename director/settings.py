"""Settings from the environment: AURA_HOME and addresses. Read when a command runs, never at import."""

from functools import cached_property
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bus.embedded.stack import Endpoints, status
from domain.errors import Invalid, Unavailable


class Settings(BaseSettings):
    """AURA_* variables. Keys of providers are not among them: each worker reads its own when it starts."""

    model_config = SettingsConfigDict(env_prefix="AURA_", extra="ignore")

    home: Path = Path(".aura")
    nats_url: str | None = None
    postgres_dsn: str | None = None
    openai_base_url: str | None = None
    openai_model: str | None = None
    openai_price: str = "genai-prices"
    allow_degraded: bool = False

    def __init__(self) -> None:
        """Raises Invalid naming the variable that does not read."""
        try:
            super().__init__()
        except ValidationError as error:
            wrong = error.errors()[0]
            name = f"AURA_{str(wrong['loc'][0]).upper()}"
            raise Invalid(f"{name} does not read: {wrong['msg']}.", hint=f"Correct it, or unset {name}.") from None

    @cached_property
    def root(self) -> Path:
        """The home as an absolute path."""
        return self.home.expanduser().absolute()

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def employees(self) -> Path:
        return self.root / "employees"

    def endpoints(self) -> Endpoints:
        """Where NATS and Postgres are. Raises Unavailable when nothing runs and no address is given."""
        if self.nats_url and self.postgres_dsn:
            return Endpoints(nats_url=self.nats_url, postgres_dsn=self.postgres_dsn)
        found = status(self.root).endpoints
        if found is None:
            raise Unavailable(
                f"Nothing runs in {self.root}.",
                hint="Start it with `aura up`, or set AURA_NATS_URL and AURA_POSTGRES_DSN to running servers.",
                code="not_running",
            )
        return Endpoints(nats_url=self.nats_url or found.nats_url, postgres_dsn=self.postgres_dsn or found.postgres_dsn)

    def store_only(self) -> str:
        """Where Postgres is, for commands that read the log and nothing else."""
        return self.postgres_dsn or self.endpoints().postgres_dsn
