"""The check of the OpenID provider, if one is configured: its file, the client's secret and the discovery document."""

from collections.abc import Mapping

from director.doctor.check import Part
from director.oidc.config import client_secret, read_config
from director.oidc.provider import Provider
from director.settings import Settings
from domain.errors import AuraError

NAME = "openid"


async def sign_in(settings: Settings, environment: Mapping[str, str]) -> list[Part]:
    """Check the provider; nothing if none is configured. People can sign in with a password without it."""
    try:
        config = read_config(settings.root)
        if config is None:
            return []
        secret = client_secret(config, settings.root, environment)
        await Provider(config, secret).document()
    except AuraError as error:
        return [Part(name=NAME, state="degraded", says=error.message, remedy=error.hint, needed=False)]
    says = f"{config.issuer} answers, and people come back to {config.redirect_uri}"
    return [Part(name=NAME, says=says if secret else f"{says}. The client has no secret", needed=False)]
