"""The people who call a server from outside: by a token, a session, or at the machine of the organisation."""

from director.services.session import DirectorSession
from director.settings import Settings
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.user import UserState, user_id
from governance import keys
from governance.credentials import Credentials, SignedIn
from governance.log_session import LogSession
from governance.user_rights import may_read


class Callers:
    """The callers of a server. It keeps no key of the Director, and the gate decides what each caller may send."""

    def __init__(self, settings: Settings, office: LogSession) -> None:
        self.settings = settings
        self.office = office
        self.credentials = Credentials(office.store)

    async def by_token(self, text: str) -> SignedIn:
        """Return whose token this is. Raises Unauthenticated, and counts the refusal."""
        who = await self.credentials.token(text.strip())
        if who is None:
            await self.credentials.count_failure("token")
            raise Unauthenticated(
                "The token is unknown, expired or revoked.",
                hint="Make another one: aura token create NAME --scope read",
            )
        return who

    async def by_bearer(self, header: str) -> SignedIn:
        """Return who sends a header `Authorization: Bearer TOKEN`. Raises Unauthenticated."""
        kind, _, text = header.partition(" ")
        return await self.by_token(text if kind.lower() == "bearer" else "")

    async def at_home(self, name: str) -> SignedIn:
        """Return a user that a person at the machine of the organisation names. This needs the Director's key.

        The user has neither token nor session, so its id stands for both. Raises Forbidden, NotFound.
        """
        keys.load(self.settings.keys, "director")  # it proves the place, and is not used further
        user = user_id(name)
        if not (await self.office.people.state(user)).name:
            raise NotFound(f"There is no user {name!r}.", hint="`aura user list` lists the users.")
        return SignedIn(id=user, user=user, scopes=None)

    async def state(self, who: SignedIn) -> UserState:
        """Return the user of a caller, as the log has it now."""
        return await self.office.people.state(who.user)

    async def reader(self, who: SignedIn) -> UserState:
        """Return the user of a caller that may read. Raises Forbidden."""
        state = await self.state(who)
        if not may_read(state.acting, who.scopes):
            raise Forbidden("This person or token may not read.", hint="A token needs the scope read.")
        return state

    async def still_reads(self, who: SignedIn) -> bool:
        """Return whether a session or token is still open, and its user may still read."""
        is_open = who.id == who.user or await self.credentials.is_open(who)
        return is_open and may_read((await self.state(who)).acting, who.scopes)

    def session(self, who: SignedIn) -> DirectorSession:
        """Return the session in which a caller sends commands. The gate checks the roles of the caller."""
        return DirectorSession(self.settings, self.office, who.principal)
