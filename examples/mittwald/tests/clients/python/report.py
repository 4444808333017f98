"""One JSON line a step. Whatever was registered as a secret never reaches the output."""

import json
import sys
from typing import Any

_secrets: set[str] = set()
_failed = False


class Reported(Exception):
    """A failure that was printed already."""


def keep_secret(value: str | None) -> None:
    """Keeps `value` out of everything that is printed from now on."""
    if value is not None and len(value) >= 4:
        _secrets.update((value, json.dumps(value)[1:-1]))


def step(name: str, ok: bool, detail: Any = "") -> None:
    """Prints one step and remembers a failure for `exit_code`."""
    global _failed
    _failed = _failed or not ok
    line = json.dumps({"step": name, "ok": bool(ok), "detail": detail})
    for secret in _secrets:
        line = line.replace(secret, "[secret]")
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def demand(name: str, ok: bool, detail: Any = "") -> None:
    """Like `step`, but a false condition also ends the scenario."""
    step(name, ok, detail)
    if not ok:
        raise Reported(name)


def report(error: BaseException) -> None:
    """Prints an unexpected error, or each of a group, as failed steps."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            report(inner)
    elif not isinstance(error, Reported):
        step("unexpected", False, f"{type(error).__name__}: {error}"[:1000])


def exit_code() -> int:
    """0 only when every step passed."""
    return 1 if _failed else 0
