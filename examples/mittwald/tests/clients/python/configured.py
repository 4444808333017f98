"""Connects as Codex's configuration says, with the API token from the environment, and never by OAuth.

    MITTWALD_TOKEN=… python configured.py --config config.toml --era modern|legacy --may read|write
"""

import argparse
import os
import sys
import tomllib

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from report import demand, exit_code, keep_secret, report

SERVER_ID = "11111111-1111-4111-8111-111111111111"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--config", required=True)
    parser.add_argument("--era", choices=["modern", "legacy"], required=True)
    parser.add_argument("--may", choices=["read", "write"], required=True)
    return parser.parse_args()


async def _create(client: Client, refused: list[int]) -> bool:
    """True if a project was created."""
    arguments = {"serverId": SERVER_ID, "description": "by an API token"}
    try:
        result = await client.call_tool("mittwald_project_create", arguments)
    except Exception:
        # The SDK tells only that it failed; what the server said was recorded.
        demand("refused", 403 in refused, refused)
        return False
    return not result.is_error


async def _run(chosen: argparse.Namespace) -> None:
    with open(chosen.config, "rb") as file:
        server = tomllib.load(file)["mcp_servers"]["mittwald"]
    token = os.environ[server["bearer_token_env_var"]]
    refused: list[int] = []

    async def note(response: httpx2.Response) -> None:
        if response.status_code >= 400:
            refused.append(response.status_code)

    headers = {"Authorization": f"Bearer {token}"}
    with anyio.fail_after(60):
        async with httpx2.AsyncClient(headers=headers, timeout=30, event_hooks={"response": [note]}) as http:
            mode = "auto" if chosen.era == "modern" else "legacy"
            async with Client(streamable_http_client(server["url"], http_client=http), mode=mode) as client:
                tools = (await client.list_tools()).tools
                demand("tools", any(tool.name == "mittwald_project_list" for tool in tools), len(tools))
                result = await client.call_tool("mittwald_project_list", {})
                demand("read", not result.is_error)
                demand("write", await _create(client, refused) == (chosen.may == "write"))


def main() -> int:
    chosen = _arguments()
    keep_secret(os.environ.get("MITTWALD_TOKEN"))
    try:
        anyio.run(_run, chosen)
    except BaseException as error:
        report(error)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
