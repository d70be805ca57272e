"""All that a room of the issuer gets to work with."""

from dataclasses import dataclass, field

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.rates import Counters
from tokenward.base.throttle import TokenBuckets
from tokenward.issuer.client_keys import ClientKeys, Fetch, no_keys
from tokenward.issuer.known_answers import KnownAnswers
from tokenward.issuer.ports import ClientDocuments, Pages, SignIn
from tokenward.issuer.settings import IssuerSettings
from tokenward.issuer.strangers import is_document_id
from tokenward.issuer.user_codes import UserCodes
from tokenward.issuer.workloads import Workloads
from tokenward.store.key_ring import KeyRing
from tokenward.store.port import Store
from tokenward.store.records import Client
from tokenward.store.usage import UsageLog
from tokenward.tokens.dpop import DpopVerifier
from tokenward.tokens.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Issuer:
    """The issuer's parts.

    Attributes:
        settings: what the operator decided.
        store: what must be remembered.
        peppers: keys of the hashes at rest; the first writes, all read.
        pairwise_key: makes pairwise subjects.
        signing_keys: the outside keys; RS256 signs ID tokens (OpenID Connect Discovery §3).
        sign_in: the browser's session, and the way to one.
        pages: HTML.
        sealer: seals what travels through the browser and must come back unchanged.
        dpop: verifies DPoP proofs at the token endpoint, with nonces of its own.
        known_answers: what introspection need not look up again.
        fetch: gives the bytes at a URL that a client is registered with, and reaches no inside by it.
        fetch_keys: the same for clients that nobody here registered, which reaches public addresses only.
        documents: knows the clients that describe themselves where their name says; None: nobody does.
        usage: notes what is used, and from where.
        counters: count what would fill the store (`floods`), together with other processes or alone.
        clock: time.
        workloads: judges what platforms say of what runs on them.
        client_keys: judges the assertions of clients that have keys.
        wrong_evidence: 20 wrong client secrets or assertions at once, then one every two seconds, by peer;
            beyond that the answer is 429. It slows a guesser down and refuses nobody whose evidence is right.
        user_codes: finds the device that a person's code is about, and slows down who guesses.
        metadata: the documents that say what is on, by name, once somebody asked: nothing in them changes
            while a process runs.

    Raises:
        ValueError: there is no pepper.
    """

    settings: IssuerSettings
    store: Store
    peppers: tuple[bytes, ...] = field(repr=False)
    pairwise_key: bytes = field(repr=False)
    signing_keys: KeyRing
    sign_in: SignIn
    pages: Pages
    sealer: Sealer
    dpop: DpopVerifier
    known_answers: KnownAnswers
    fetch: Fetch
    usage: UsageLog
    counters: Counters
    clock: Clock = SYSTEM_CLOCK
    workloads: Workloads = field(default_factory=Workloads)
    fetch_keys: Fetch = no_keys
    documents: ClientDocuments | None = None
    client_keys: ClientKeys = field(init=False)
    wrong_evidence: TokenBuckets = field(init=False)
    user_codes: UserCodes = field(init=False)
    metadata: dict[str, bytes] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not self.peppers:
            raise ValueError("the issuer needs a pepper")
        client_keys = ClientKeys(self.settings.url, self.fetch, self.fetch_keys, clock=self.clock)
        object.__setattr__(self, "client_keys", client_keys)
        object.__setattr__(self, "wrong_evidence", TokenBuckets(burst=20, every=2, clock=self.clock))
        object.__setattr__(self, "user_codes", UserCodes(self.store, self.peppers, clock=self.clock))

    async def client(self, client_id: str) -> Client | None:
        """The client of that id, registered or described by a document of its own; None if it is unknown.

        Raises:
            Refusal: CLIENT_DOCUMENT_REFUSED or TOO_MANY_REQUESTS, of its document.
        """
        if is_document_id(client_id):
            return None if self.documents is None else await self.documents.client(client_id)
        return await self.store.client(client_id)
