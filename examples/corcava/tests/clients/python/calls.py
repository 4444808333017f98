"""A user with a key from the environment: reads, tries a change out, makes it and deletes it, and is asked for the words.

    CORCAVA_API_KEY=… python calls.py --url http://127.0.0.1:8788/mcp --era modern|legacy
"""

import argparse
import json
import os
import sys

import anyio
import httpx2
from mcp import Client, types
from mcp.client.streamable_http import streamable_http_client

MODERN = "2026-07-28"


def demand(step: str, ok: object, detail: object = "") -> None:
    """Prints one step; a false condition ends the run. No key is in any detail."""
    print(json.dumps({"step": step, "ok": bool(ok), "detail": str(detail)[:500]}), flush=True)
    if not ok:
        sys.exit(1)


async def _run(url: str, era: str) -> None:
    asked: list[str] = []

    async def types_it(_context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params.message)
        schema = getattr(params, "requested_schema", None) or params.requestedSchema
        title = schema["properties"]["phrase"]["title"]
        words = title.removeprefix("Type ").removesuffix(" to go on")
        return types.ElicitResult(action="accept", content={"phrase": words})

    headers = {"Authorization": f"Bearer {os.environ['CORCAVA_API_KEY']}"}
    mode = MODERN if era == "modern" else "legacy"
    with anyio.fail_after(60):
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=mode, elicitation_callback=types_it) as client:
                tools = (await client.list_tools()).tools
                demand("tools", len(tools) == 14, len(tools))
                tried = await client.call_tool("create_task", {"title": "From Python", "dry_run": True})
                text = tried.content[0].text
                demand("dry run", "Dry run" in text and "From Python" in text and not asked, text)
                made = await client.call_tool("create_task", {"title": "From Python", "reason": "a test"})
                demand("created", not made.is_error and len(asked) == 1, made.content)
                task = made.structured_content["id"]
                comments = await client.call_tool("list_task_comments", {"task_id": task})
                demand("reason", "Created via MCP: a test" in str(comments.structured_content))
                gone = await client.call_tool("delete_task", {"task_id": task})
                demand("deleted", not gone.is_error and len(asked) == 2, gone.content)
                found = await client.call_tool("get_task", {"task_id": task})
                demand("gone", found.is_error, found.content)


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--url", required=True)
    parser.add_argument("--era", choices=["modern", "legacy"], required=True)
    chosen = parser.parse_args()
    anyio.run(_run, chosen.url, chosen.era)
    demand("done", True)


if __name__ == "__main__":
    main()
