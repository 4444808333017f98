"""What a real client's user is asked before a container restarts, and what becomes of each answer.

  MCP_TEST_TOKEN=… python confirm.py --url URL --era modern|legacy --cannot-ask refuse|two-step

Prints one JSON line a step; the exit code is 0 only when every step passed. How often the container started is
read from its logs, so that "ran once" is what the service says.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult
from report import demand, exit_code, keep_secret, report

_RESTART = "mittwald_container_restart"
_ARGUMENTS = {"projectId": "p-000001", "containerId": "c-000001"}


class User:
    """Who is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer = ElicitResult(action="decline")

    async def ask(self, _context: Any, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        return self.answer

    def take(self) -> list[str]:
        asked, self.asked = self.asked, []
        return asked


def _text(result: Any) -> str:
    return "".join(getattr(part, "text", "") for part in result.content)


async def _starts(client: Client) -> int:
    logs = await client.call_tool("mittwald_container_logs", {**_ARGUMENTS, "tail": 1000})
    return _text(logs).count(" started")


class Place:
    """Where the server is, and all that was posted to it."""

    def __init__(self, url: str, era: str, token: str) -> None:
        self.url, self.era, self.token = url, era, token
        self.posted: list[httpx2.Request] = []

    async def _record(self, request: httpx2.Request) -> None:
        if request.method == "POST":
            self.posted.append(request)

    @asynccontextmanager
    async def connect(self, user: User | None) -> AsyncGenerator[Client]:
        mode = "auto" if self.era == "modern" else "legacy"
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30, event_hooks={"request": [self._record]}) as http:
            transport = streamable_http_client(self.url, http_client=http)
            callback = user.ask if user else None
            async with Client(transport, mode=mode, elicitation_callback=callback) as client:
                modern = client.protocol_version >= "2026-07-28"
                demand("connect", modern == (self.era == "modern"), client.protocol_version)
                yield client

    async def again(self) -> httpx2.Response:
        """The last accepted answer once more, byte for byte, beside the SDK."""
        words = b'"inputResponses"' if self.era == "modern" else b'"action"'
        accepted = [request for request in self.posted if words in request.content][-1]
        async with httpx2.AsyncClient(timeout=30) as http:
            return await http.post(self.url, content=accepted.content, headers=accepted.headers)


async def asked(place: Place) -> int:
    user = User()
    async with place.connect(user) as client:
        before = await _starts(client)
        demand("reading_is_free", not user.asked and before > 0, before)
        for action in ("decline", "cancel"):
            user.answer = ElicitResult(action=action)
            refused = await client.call_tool(_RESTART, _ARGUMENTS)
            demand(f"{action}.told", refused.is_error and _text(refused).startswith("Not run"), _text(refused))
            message = "".join(user.take())
            demand(f"{action}.asked", "Restart container shop (nginx:1.27-alpine, c-000001)" in message, message)
            demand(f"{action}.not_run", await _starts(client) == before)
        user.answer = ElicitResult(action="accept", content={"confirm": True})
        run = await client.call_tool(_RESTART, _ARGUMENTS)
        demand("accept.run", not run.is_error, _text(run))
        demand("accept.asked_once", len(user.take()) == 1)
        demand("accept.ran_once", await _starts(client) == before + 1)
        replay = await place.again()
        if place.era == "modern":
            result = json.loads(replay.text)["result"]
            refused = result.get("isError") is True and "not valid" in result["content"][0]["text"]
        else:
            refused = replay.status_code == 400
        demand("replay.refused", refused, {"status": replay.status_code})
        demand("replay.not_run", not user.asked and await _starts(client) == before + 1)
    return before + 1


async def cannot_ask(place: Place, before: int, rule: str) -> None:
    async with place.connect(None) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        properties = tools[_RESTART].input_schema["properties"]
        first = await client.call_tool(_RESTART, {**_ARGUMENTS, "confirm": True})
        demand("cannot_ask.told", first.is_error and _text(first).startswith("Not run"), _text(first)[:200])
        demand("cannot_ask.not_run", await _starts(client) == before)
        demand("cannot_ask.argument", ("confirmation_token" in properties) == (rule == "two-step"), list(properties))
        if rule == "refuse":
            return
        preview = _text(await client.call_tool(_RESTART, _ARGUMENTS))
        given = re.search(r'"confirmation_token": "([^"]+)"', preview)
        demand("two_step.preview", given is not None and "Restart container shop" in preview)
        keep_secret(given[1])
        second = {**_ARGUMENTS, "confirmation_token": given[1]}
        run = await client.call_tool(_RESTART, second)
        demand("two_step.run", not run.is_error, _text(run))
        used = await client.call_tool(_RESTART, second)
        demand("two_step.replay", used.is_error and "not valid" in _text(used), _text(used)[:200])
        demand("two_step.ran_once", await _starts(client) == before + 1)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--era", choices=["modern", "legacy"], required=True)
    parser.add_argument("--cannot-ask", choices=["refuse", "two-step"], default="refuse")
    arguments = parser.parse_args()
    token = os.environ["MCP_TEST_TOKEN"]
    keep_secret(token)
    place = Place(arguments.url, arguments.era, token)
    try:
        await cannot_ask(place, await asked(place), arguments.cannot_ask)
    except Exception as error:
        report(error)


anyio.run(main)
sys.exit(exit_code())
