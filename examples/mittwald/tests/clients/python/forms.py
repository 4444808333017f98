"""Reads the forms of an HTML page: enough for pages that work without script."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_APPROVES = re.compile(r"\b(allow|approve|accept|authori[sz]e|consent|confirm|continue|grant|yes|agree)\b", re.I)
_REFUSES = re.compile(r"\b(deny|refuse|reject|cancel|decline|abort|disallow|no|not|don['’]?t)\b", re.I)
_SILENT = ("script", "style")


@dataclass
class Field:
    """An input of a form; `submitted` is false for an unticked box."""

    name: str | None
    type: str
    value: str
    submitted: bool


@dataclass
class Button:
    """A submit button; `label` is what a person reads on it."""

    name: str | None
    value: str
    label: str
    action: str | None


@dataclass
class Form:
    """A form with its fields and submit buttons in document order."""

    action: str
    method: str
    fields: list[Field] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)

    def approving_button(self) -> Button | None:
        """The one button that says yes, by its value or label."""
        for button in self.buttons:
            words = f"{button.value} {button.label}"
            if _APPROVES.search(words) and not _REFUSES.search(words):
                return button
        return None


class Page(HTMLParser):
    """The forms of a page, and its text for error messages."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self._by_id: dict[str, Form] = {}
        self._open: Form | None = None
        self._label: Button | None = None
        self._words: list[str] = []
        self._silent = 0
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """What a person would read, on one line and short enough for an error."""
        return " ".join(" ".join(self._words).split())[:300]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in reversed(attrs)}
        if tag in _SILENT:
            self._silent += 1
        elif tag == "form":
            self._open = Form(of.get("action", ""), of.get("method", "get").lower())
            self.forms.append(self._open)
            if "id" in of:
                self._by_id[of["id"]] = self._open
        elif tag in ("input", "button") and "disabled" not in of:
            # A control may name its form; here it must come after that form's start.
            form = self._by_id.get(of["form"]) if "form" in of else self._open
            if form is not None:
                self._control(form, tag, of)

    def _control(self, form: Form, tag: str, of: dict[str, str]) -> None:
        kind = of.get("type", "submit" if tag == "button" else "text").lower()
        if kind == "submit":
            button = Button(of.get("name"), of.get("value", ""), of.get("value", ""), of.get("formaction"))
            form.buttons.append(button)
            if tag == "button":
                button.label, self._label = "", button
        elif tag == "input" and kind not in ("button", "reset", "image"):
            box = kind in ("checkbox", "radio")
            form.fields.append(Field(of.get("name"), kind, of.get("value", "on" if box else ""), not box or "checked" in of))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "form":
            self._open = None
        elif tag == "button":
            self._label = None

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self._words.append(data)
        if self._label is not None:
            self._label.label += data
