"""A browser without a screen: from an authorization URL to the loopback redirect URI.

1. Cookies are those of the HTTP client's jar; a `Secure` cookie is not sent over http.
2. A form is filled once; a sign-in page that comes back means a wrong password.
3. `Origin` is sent as browsers send it: `null` under `Referrer-Policy: no-referrer`.
4. The redirect URI is never requested: its query is the result.
"""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx2
from forms import Button, Field, Form, Page

_MAX_STEPS = 20
_MAX_PAGE = 512 * 1024


@dataclass
class Walked:
    """Where a walk ended: the parameters of the redirect and which pages were passed."""

    params: dict[str, str]
    signed_in: bool
    consented: bool


def _single(url: str) -> dict[str, str]:
    found = parse_qs(urlsplit(url).query, keep_blank_values=True)
    if any(len(values) > 1 for values in found.values()):
        raise RuntimeError("a parameter is given twice")
    return {name: values[0] for name, values in found.items()}


class Walker:
    """Signs in as one person and approves what is asked."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password

    async def walk(self, authorization_url: str) -> Walked:
        """Follows `authorization_url`; compares `state`, leaves `iss` to the caller."""
        asked = _single(authorization_url)
        target = urlsplit(asked["redirect_uri"])
        walked = Walked({}, False, False)
        async with httpx2.AsyncClient(timeout=15, headers={"Accept": "text/html"}) as browser:
            request = browser.build_request("GET", authorization_url)
            for _ in range(_MAX_STEPS):
                response = await browser.send(request, follow_redirects=False)
                if response.has_redirect_location:
                    url = response.url.join(response.headers["location"])
                    if (url.scheme, url.netloc.decode(), url.path) == (target.scheme, target.netloc, target.path):
                        walked.params = _single(str(url))
                        if walked.params.get("state") != asked.get("state"):
                            raise RuntimeError("state differs in the redirect")
                        return walked
                    request = response.next_request or browser.build_request("GET", url)
                    continue
                if len(response.content) > _MAX_PAGE:
                    raise RuntimeError(f"a page of {len(response.content)} bytes")
                request = self._answer(browser, response, walked)
        raise RuntimeError(f"no redirect to the client after {_MAX_STEPS} steps")

    def _answer(self, browser: httpx2.AsyncClient, response: httpx2.Response, walked: Walked) -> httpx2.Request:
        page = Page(response.text)
        for form in page.forms:
            secret = next((entry for entry in form.fields if entry.type == "password"), None)
            if secret is None:
                continue
            if walked.signed_in:
                raise RuntimeError(f"sign-in was refused: {page.text}")
            walked.signed_in = True
            name = next((entry for entry in form.fields if entry.type in ("text", "email")), None)
            if name is None or not name.name or not secret.name:
                raise RuntimeError("the sign-in form lacks a named name or password field")
            name.value, secret.value = self._user, self._password
            button = form.approving_button() or next(iter(form.buttons), None)
            return _submission(browser, response, form, button)
        for form in page.forms:
            if button := form.approving_button():
                walked.consented = True
                return _submission(browser, response, form, button)
        raise RuntimeError(f"no form to answer (status {response.status_code}): {page.text}")


def _submission(
    browser: httpx2.AsyncClient, response: httpx2.Response, form: Form, button: Button | None
) -> httpx2.Request:
    """The request that submitting `form` with `button` makes."""
    values: dict[str, list[str]] = {}
    pressed = [Field(button.name, "submit", button.value, True)] if button is not None else []
    for entry in [*form.fields, *pressed]:
        if entry.name and entry.submitted:
            values.setdefault(entry.name, []).append(entry.value)
    target = (button.action if button else None) or form.action
    url = response.url.join(target) if target else response.url
    if form.method != "post":
        return browser.build_request("GET", url, params=values)
    policy = response.headers.get("referrer-policy", "").rsplit(",", 1)[-1].strip().lower()
    origin = "null" if policy == "no-referrer" else f"{response.url.scheme}://{response.url.netloc.decode()}"
    return browser.build_request("POST", url, data=values, headers={"Origin": origin})
