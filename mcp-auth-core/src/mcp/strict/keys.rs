//! The protocol's own keys, and the comparison of keys.

use std::borrow::Cow;

/// Members of a JSON-RPC message.
pub(crate) const TOP: &[&str; 6] = &["jsonrpc", "id", "method", "params", "result", "error"];

/// Members of `params` that some revision defines for what a client sends.
pub(crate) const PARAMS: &[&str; 27] = &[
    "_meta",
    "name",
    "arguments",
    "uri",
    "taskId",
    "ref",
    "argument",
    "context",
    "notifications",
    "requestState",
    "inputResponses",
    "protocolVersion",
    "capabilities",
    "clientInfo",
    "cursor",
    "level",
    "task",
    "requestId",
    "reason",
    "progressToken",
    "progress",
    "total",
    "message",
    "uris",
    "status",
    "ttl",
    "data",
];

/// Members of `params._meta`.
pub(crate) const META: &[&str; 8] = &[
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/logLevel",
    "progressToken",
    "traceparent",
    "tracestate",
    "baggage",
];

/// Members of `params.ref` of `completion/complete`.
const REF: &[&str] = &["type", "name", "uri", "title"];

/// Members of `params.notifications` of `subscriptions/listen`.
const NOTIFICATIONS: &[&str] =
    &["toolsListChanged", "promptsListChanged", "resourcesListChanged", "resourceSubscriptions", "taskIds"];

const PRIVATE: &str = "$serde_json::private::";

/// Keys up to this number in one object are compared pair by pair, without sorting.
const FEW: usize = 12;

/// Which object is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Top,
    Params,
    Meta,
    Ref,
    Notifications,
    Free,
}

impl Place {
    fn table(self) -> &'static [&'static str] {
        match self {
            Self::Top => TOP,
            Self::Params => PARAMS,
            Self::Meta => META,
            Self::Ref => REF,
            Self::Notifications => NOTIFICATIONS,
            Self::Free => &[],
        }
    }

    /// The object that the member `key` of this one would be.
    pub(super) fn inside(self, key: &str) -> Self {
        match (self, key) {
            (Self::Top, "params") => Self::Params,
            (Self::Params, "_meta") => Self::Meta,
            (Self::Params, "ref") => Self::Ref,
            (Self::Params, "notifications") => Self::Notifications,
            _ => Self::Free,
        }
    }

    /// The place of `key` in this object's table; `Err` if it is another spelling of an entry.
    pub(super) fn slot(self, key: &str) -> Result<Option<usize>, ()> {
        let table = self.table();
        for (slot, known) in table.iter().enumerate() {
            if known.eq_ignore_ascii_case(key) {
                return if *known == key { Ok(Some(slot)) } else { Err(()) };
            }
        }
        // Two letters outside ASCII fold into ASCII ones, and some parsers match keys by Unicode folding.
        if !key.is_ascii() && !table.is_empty() {
            let folded = key.replace('\u{17F}', "s").replace('\u{212A}', "k");
            if table.iter().any(|known| known.eq_ignore_ascii_case(&folded)) {
                return Err(());
            }
        }
        Ok(None)
    }
}

/// True for keys that serde_json gives a meaning of its own.
pub(super) fn is_private(key: &str) -> bool {
    key.starts_with(PRIVATE)
}

/// True if no two keys are equal. Sorts many keys instead of hashing them: no chosen input makes it quadratic.
pub(super) fn distinct(keys: &mut [Cow<'_, str>]) -> bool {
    if keys.len() <= FEW {
        let mut rest = &*keys;
        while let Some((key, others)) = rest.split_first() {
            if others.contains(key) {
                return false;
            }
            rest = others;
        }
        return true;
    }
    keys.sort_unstable();
    keys.iter().zip(keys.iter().skip(1)).all(|(left, right)| left != right)
}
