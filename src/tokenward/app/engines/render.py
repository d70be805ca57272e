"""The plan for an engine that somebody else runs, in front of a gateway that runs by itself."""

from dataclasses import replace
from urllib.parse import urlsplit

from tokenward.app.certificate_header import RFC_9440
from tokenward.app.config import Configuration
from tokenward.app.engines.plan import EnginePlan, Place, Proxies, plan

_PORTS = {"http": 80, "https": 443}


def rendered(configuration: Configuration) -> EnginePlan:
    """The engine at the port of the gateway's URL, decisions and the gateway where the configuration says.

    Raises:
        ValueError: the configuration does not go with an engine of somebody else; the text says why.
    """
    server = configuration.settings.gateway
    decisions = server.decisions
    if decisions.listen is None:
        raise ValueError("the engine has nowhere to ask: name an address under gateway.decisions.listen")
    url = urlsplit(server.url)
    port = url.port or _PORTS[url.scheme]
    if port == server.listen.port:
        raise ValueError(
            f"the engine listens at port {port}, as the gateway's URL says, and gateway.listen takes it: "
            "let the gateway listen at another port, on loopback"
        )
    wanted = server.client_certificates
    header = wanted.header if wanted is not None else None
    if wanted is not None and (header is None or header.lower() == RFC_9440):
        raise ValueError(
            "the engine tells client certificates as percent-encoded PEM: name a header for that under "
            "gateway.client_certificates.header, such as X-SSL-Cert"
        )
    made = plan(
        configuration,
        listen=Place(host="0.0.0.0", port=port),  # noqa: S104 - the world outside is whom it is for
        decisions=Place(
            host=decisions.listen.host, port=decisions.listen.port, tls=decisions.tls is not None
        ),
        gateway=Place(host=server.listen.host, port=server.listen.port, tls=server.tls is not None),
    )
    # Who is in front of the gateway, by its configuration, is this engine; before that there is nobody.
    return replace(
        made,
        proxies=Proxies(),
        tls=replace(made.tls, asks=wanted is not None) if made.tls is not None else None,
        certificate_header=header.lower() if header is not None else made.certificate_header,
    )
