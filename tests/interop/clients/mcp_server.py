"""An MCP server by the SDK of the protocol: one tool, and our issuer is asked about each token.

Arguments: the place, a port, and whether it guards itself (`guarded`) or stands behind our gateway (`open`).
"""

import ssl
import sys

import httpx2
import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from place import DIRECTORY, ISSUER, METADATA, PLACE, SECRETS

PORT, GUARDED = int(sys.argv[2]), sys.argv[3] == "guarded"


class Introspection:
    """Asks the issuer about a token (RFC 7662)."""

    def __init__(self):
        trusted = ssl.create_default_context(cafile=PLACE["ca"])
        self.http = httpx2.AsyncClient(verify=trusted, trust_env=False)

    async def verify_token(self, token):
        answer = await self.http.post(
            METADATA["introspection_endpoint"],
            data={"token": token},
            auth=("tools-server", SECRETS["tools-server"]),
        )
        told = answer.raise_for_status().json()
        if not told["active"]:
            return None
        return AccessToken(
            token=token,
            client_id=told["client_id"],
            scopes=told["scope"].split(),
            expires_at=told["exp"],
            resource=told["aud"],
            subject=told.get("sub"),
            claims={"iss": ISSUER},
        )


def guard():
    settings = AuthSettings(
        issuer_url=ISSUER,
        resource_server_url=PLACE["tools"],
        required_scopes=["tools:use"],
        validate_token_resource=True,
    )
    return {"auth": settings, "token_verifier": Introspection()}


server = MCPServer("Tools", **(guard() if GUARDED else {}))


@server.tool()
def add(first: int, second: int) -> int:
    """The sum of two numbers."""
    return first + second


tls = {"ssl_certfile": PLACE["ca"], "ssl_keyfile": str(DIRECTORY / "server.key")} if GUARDED else {}
uvicorn.run(
    server.streamable_http_app(stateless_http=True), host="127.0.0.1", port=PORT, log_level="warning", **tls
)
