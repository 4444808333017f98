"""Drives the Python SDK through one scenario against a protected MCP server.

    python flow.py --url URL --user NAME --password PW --era modern|legacy --scenario full|refresh|revoked
        [--service FILE]

Prints one JSON line a step; the exit code is 0 only when every step passed.
The password may come from the environment instead: MCP_TEST_PASSWORD.
"""

import argparse
import json
import logging
import os
import sys
from pathlib import Path

import anyio
from report import exit_code, keep_secret, report
from scenarios import SCENARIOS
from session import Session


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--url", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", default=os.environ.get("MCP_TEST_PASSWORD"))
    parser.add_argument("--era", choices=["modern", "legacy"], default="modern")
    parser.add_argument("--scenario", choices=list(SCENARIOS), default="full")
    parser.add_argument("--service", type=Path, default=Path(__file__).parent.parent / "service.json")
    chosen = parser.parse_args()
    if not chosen.password:
        parser.error("a password is needed")
    return chosen


async def _run(chosen: argparse.Namespace) -> None:
    service = json.loads(chosen.service.read_text())
    session = Session(chosen.url, chosen.user, chosen.password, chosen.era, service)
    with anyio.fail_after(120):
        async with session.connect() as client:
            await SCENARIOS[chosen.scenario](session, client)


def main() -> int:
    # The SDK logs what the scenarios provoke, addresses with their query among it.
    logging.disable(logging.CRITICAL)
    chosen = _arguments()
    keep_secret(chosen.password)
    try:
        anyio.run(_run, chosen)
    except BaseException as error:
        report(error)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
