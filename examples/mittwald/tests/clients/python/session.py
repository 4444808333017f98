"""An SDK client whose authorization is walked without a person, and a record of its traffic."""

import hashlib
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client, types
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl
from report import demand, keep_secret
from walker import Walker


def digest(token: str) -> str:
    """Stands for a token in comparisons."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass
class Exchange:
    """One request of the SDK and the answer to it; tokens only as digests."""

    method: str
    path: str
    mcp: bool
    status: int
    challenge: str
    bearer: str | None
    grant: str | None


class MemoryStorage:
    """What the SDK asks to be remembered; `issued` is what the first authorization gave."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.issued: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        keep_secret(tokens.access_token)
        keep_secret(tokens.refresh_token)
        self.tokens = tokens
        self.issued = self.issued or tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        keep_secret(client_info.client_secret)
        self.client = client_info


class Session:
    """One client, its provider and what went over the wire."""

    def __init__(self, url: str, user: str, password: str, era: str, service: dict[str, Any]) -> None:
        keep_secret(password)
        self.url, self.era, self.service = url, era, service
        self.traffic: list[Exchange] = []
        self.authorizations = 0
        self.asked: list[str] = []
        self.storage = MemoryStorage()
        self._walker = Walker(user, password)
        self._pending = ""
        # No listener is needed: the walker stops in front of the redirect URI.
        redirect = f"http://127.0.0.1:{random.randrange(49152, 65000)}/callback"
        self.provider = OAuthClientProvider(
            server_url=url,
            client_metadata=OAuthClientMetadata(
                client_name=f"{service['name']} test client (Python)",
                redirect_uris=[AnyUrl(redirect)],
                token_endpoint_auth_method="none",
            ),
            storage=self.storage,
            redirect_handler=self._redirect,
            callback_handler=self._callback,
        )

    async def _redirect(self, url: str) -> None:
        self._pending = url

    async def _callback(self) -> AuthorizationCodeResult:
        self.authorizations += 1
        name = f"authorize_{self.authorizations}"
        query = parse_qs(urlsplit(self._pending).query)
        asked = {key: query.get(key, [None])[0] for key in ("scope", "resource", "prompt")}
        demand(f"{name}.request", query.get("code_challenge_method") == ["S256"] and "resource" in query, asked)
        walked = await self._walker.walk(self._pending)
        keep_secret(walked.params.get("code"))
        passed = {"signedIn": walked.signed_in, "consented": walked.consented, "error": walked.params.get("error")}
        demand(f"{name}.walked", "code" in walked.params, passed)
        metadata = self.provider.context.oauth_metadata
        issuer = str(metadata.issuer) if metadata else None
        advertised = metadata is not None and metadata.authorization_response_iss_parameter_supported is True
        demand(f"{name}.iss", advertised and walked.params.get("iss") == issuer, {"iss": walked.params.get("iss"), "issuer": issuer})
        return AuthorizationCodeResult(
            code=walked.params["code"], state=walked.params.get("state"), iss=walked.params.get("iss")
        )

    async def _record(self, response: httpx2.Response) -> None:
        request = response.request
        form = request.headers.get("content-type", "") == "application/x-www-form-urlencoded"
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.traffic.append(Exchange(
            method=request.method,
            path=request.url.path,
            mcp=str(request.url) == self.url,
            status=response.status_code,
            challenge=response.headers.get("www-authenticate", ""),
            bearer=digest(bearer) if bearer else None,
            grant=parse_qs(request.content.decode()).get("grant_type", [None])[0] if form else None,
        ))

    async def _answer(self, _context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
        """A person who reads the question and types the words that it demands."""
        self.asked.append(params.message)
        schema = getattr(params, "requested_schema", None) or params.requestedSchema
        words = schema["properties"]["phrase"]["title"].removeprefix("Type ").removesuffix(" to go on")
        return types.ElicitResult(action="accept", content={"phrase": words})

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Client]:
        """A connected client; the SDK authorizes by itself when it meets the first 401."""
        hooks = {"response": [self._record]}
        async with httpx2.AsyncClient(auth=self.provider, timeout=30, event_hooks=hooks) as http:
            # Pinning a modern version would skip the discovery request, so negotiation is left on.
            mode = "auto" if self.era == "modern" else "legacy"
            transport = streamable_http_client(self.url, http_client=http)
            async with Client(transport, mode=mode, elicitation_callback=self._answer) as client:
                modern = client.protocol_version >= "2026-07-28"
                demand("connect", modern == (self.era == "modern"), {"era": self.era, "version": client.protocol_version})
                yield client

    def scopes(self) -> list[str]:
        """The scopes of the token in use."""
        return (self.storage.tokens.scope or "").split() if self.storage.tokens else []

    def token_in_use(self) -> str | None:
        """The digest of the token in use."""
        return digest(self.storage.tokens.access_token) if self.storage.tokens else None
