//! The page's own words, in English and German.

use http::{HeaderMap, header};

/// One language.
pub(super) struct Words {
    pub(super) lang: &'static str,
    pub(super) title: &'static str,
    pub(super) question: &'static str,
    pub(super) client: &'static str,
    pub(super) requester: &'static str,
    pub(super) typed: &'static str,
    pub(super) reason: &'static str,
    pub(super) approve: &'static str,
    pub(super) decline: &'static str,
    pub(super) once: &'static str,
    pub(super) not_typed: &'static str,
    pub(super) approved: &'static str,
    pub(super) declined: &'static str,
    pub(super) nothing: &'static str,
    pub(super) stale: &'static str,
    pub(super) signed_out: &'static str,
    pub(super) unavailable: &'static str,
    pub(super) signed_in: &'static str,
    pub(super) other: &'static str,
}

static ENGLISH: Words = Words {
    lang: "en",
    title: "Approval",
    question: "Run {}?",
    client: "Asked by the application",
    requester: "On behalf of",
    typed: "To approve, type",
    reason: "Reason (optional)",
    approve: "Approve",
    decline: "Decline",
    once: "An approval is good for exactly this call, once.",
    not_typed: "Nothing was approved: the words were not typed exactly.",
    approved: "Approved. You can close this page and go back to the application.",
    declined: "Declined. You can close this page.",
    nothing: "There is nothing here that waits for you: it was used, has expired, or is somebody else's.",
    stale: "This page is out of date. Open the link again.",
    signed_out: "You are not signed in any more. Open the link again.",
    unavailable: "This does not work at the moment. Try again in a little while.",
    signed_in: "Signed in as",
    other: "Sign in as somebody else",
};

static GERMAN: Words = Words {
    lang: "de",
    title: "Freigabe",
    question: "{} ausführen?",
    client: "Angefragt von der Anwendung",
    requester: "Im Namen von",
    typed: "Zum Freigeben eintippen:",
    reason: "Begründung (freiwillig)",
    approve: "Freigeben",
    decline: "Ablehnen",
    once: "Die Freigabe gilt genau für diesen Aufruf, einmal.",
    not_typed: "Nichts wurde freigegeben: Die Worte wurden nicht genau so eingetippt.",
    approved: "Freigegeben. Sie können diese Seite schließen und zur Anwendung zurückkehren.",
    declined: "Abgelehnt. Sie können diese Seite schließen.",
    nothing: "Hier wartet nichts auf Sie: Es ist schon verwendet, abgelaufen oder für jemand anderen bestimmt.",
    stale: "Diese Seite ist nicht mehr aktuell. Öffnen Sie den Link noch einmal.",
    signed_out: "Sie sind nicht mehr angemeldet. Öffnen Sie den Link noch einmal.",
    unavailable: "Das geht im Augenblick nicht. Versuchen Sie es gleich noch einmal.",
    signed_in: "Angemeldet als",
    other: "Als jemand anderes anmelden",
};

/// The language that the browser likes better (RFC 9110, section 12.5.4).
pub(super) fn of(headers: &HeaderMap) -> &'static Words {
    let list = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wish = |language: &str| {
        list.split(',')
            .filter_map(|entry| {
                let mut parts = entry.split(';').map(str::trim);
                let primary = parts.next()?.split('-').next()?;
                let quality =
                    parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
                primary.eq_ignore_ascii_case(language).then_some(quality?)
            })
            .fold(0.0_f32, f32::max)
    };
    if wish("de") > wish("en") { &GERMAN } else { &ENGLISH }
}
