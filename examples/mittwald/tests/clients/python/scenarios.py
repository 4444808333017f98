"""What each scenario does once a client is connected."""

import time
from typing import Any

import anyio
import httpx2
from mcp import Client
from report import demand, step
from session import Session, digest

_REFRESH_DEADLINE = 30.0
_PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def _text(result: Any) -> str:
    return "".join(getattr(part, "text", "") for part in result.content)


async def _succeed(name: str, client: Client, call: dict[str, Any]) -> None:
    """A call whose result must be a success."""
    result = await client.call_tool(call["name"], call["arguments"])
    text = _text(result)
    demand(name, not result.is_error, text[:300] if result.is_error else f"{len(text)} characters")


async def full(session: Session, client: Client) -> None:
    """401, sign-in, list, read, refused write, step-up, write."""
    first = next((entry for entry in session.traffic if entry.mcp), None)
    challenge = first.challenge if first else ""
    demand(
        "challenge",
        first is not None and first.status == 401 and 'resource_metadata="' in challenge and 'scope="' in challenge,
        {"status": first and first.status, "challenge": challenge},
    )
    registered = next((e.path for e in session.traffic if e.method == "POST" and e.status == 201 and not e.grant), None)
    demand("registered", registered is not None, registered or "no registration answered 201")

    tools = (await client.list_tools()).tools
    demand("tools", len(tools) > 0, sorted(tool.name for tool in tools))
    await _succeed("read", client, session.service["read"])

    before = session.scopes()
    scope = session.service["scope"]
    demand("not_granted", scope not in before, before)
    mark = len(session.traffic)
    await _succeed("write", client, session.service["write"])
    demand("asked", len(session.asked) == session.service["questions"], session.asked)
    refusal = next((entry for entry in session.traffic[mark:] if entry.mcp and entry.status == 403), None)
    challenge = refusal.challenge if refusal else ""
    demand(
        "insufficient_scope",
        'error="insufficient_scope"' in challenge and scope in challenge,
        {"status": refusal and refusal.status, "challenge": challenge},
    )

    after = session.scopes()
    demand("stepped_up", scope in after, after)
    step("kept_scopes", set(before) <= set(after), after)
    await _succeed("read_again", client, session.service["read"])
    demand("authorizations", session.authorizations == 2, session.authorizations)


async def refresh(session: Session, client: Client) -> None:
    """Waits for the short-lived token to end; the SDK must refresh it by itself."""
    issued = session.storage.issued
    demand("refresh_token", issued is not None and issued.refresh_token is not None, "a refresh token was issued")
    await _succeed("first_call", client, session.service["read"])
    # This SDK refreshes by its own clock alone; a 401 makes it ask the person again. So nothing
    # is called between the end of the token as the server sees it and as the SDK sees it.
    started = time.monotonic()
    while session.provider.context.is_token_valid():
        if time.monotonic() - started > _REFRESH_DEADLINE:
            demand("expired", False, f"the SDK holds its token for good after {_REFRESH_DEADLINE} s")
        await anyio.sleep(0.1)
    await _succeed("call_when_expired", client, session.service["read"])
    refreshed = any(entry.grant == "refresh_token" and entry.status == 200 for entry in session.traffic)
    demand("refreshed", refreshed, {"after_ms": round((time.monotonic() - started) * 1000)})
    await _succeed("call_after_refresh", client, session.service["read"])
    used = [entry.bearer for entry in session.traffic if entry.mcp and entry.bearer and entry.status == 200]
    demand("another_token", used[-1] != digest(issued.access_token), "the last accepted call carried another token")
    demand("rotated", session.storage.tokens.refresh_token != issued.refresh_token, "the refresh token was replaced")
    demand("authorizations", session.authorizations == 1, session.authorizations)


async def _revoke(session: Session, name: str, token: str, hint: str) -> None:
    metadata = session.provider.context.oauth_metadata
    endpoint = str(metadata.revocation_endpoint) if metadata and metadata.revocation_endpoint else None
    demand(f"{name}.endpoint", endpoint is not None, endpoint or "not in the metadata")
    form = {"token": token, "token_type_hint": hint, "client_id": session.storage.client.client_id}
    async with httpx2.AsyncClient(timeout=15) as http:
        response = await http.post(endpoint, data=form)
    demand(name, response.status_code == 200, response.status_code)


async def revoked(session: Session, client: Client) -> None:
    """Revokes both tokens; the next call must lead to a new authorization."""
    await _succeed("first_call", client, session.service["read"])
    tokens = session.storage.tokens
    mark = len(session.traffic)
    await _revoke(session, "revoke_access", tokens.access_token, "access_token")
    headers = {"Authorization": f"Bearer {tokens.access_token}", "Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(timeout=15) as http:
        refused = await http.post(session.url, json=_PING, headers=headers)
    challenge = refused.headers.get("www-authenticate", "")
    demand(
        "refused",
        refused.status_code == 401 and 'error="invalid_token"' in challenge,
        {"status": refused.status_code, "challenge": challenge},
    )
    if tokens.refresh_token:
        await _revoke(session, "revoke_refresh", tokens.refresh_token, "refresh_token")
    await _succeed("call_after_revocation", client, session.service["read"])
    demand("sdk_saw_401", any(e.mcp and e.status == 401 for e in session.traffic[mark:]), "the SDK met a 401")
    demand("another_token", session.token_in_use() != digest(tokens.access_token), "the call carried another token")
    demand("authorizations", session.authorizations == 2, session.authorizations)


SCENARIOS = {"full": full, "refresh": refresh, "revoked": revoked}
