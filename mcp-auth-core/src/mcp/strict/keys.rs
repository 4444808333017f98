//! The protocol's own keys.

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

/// Members of `params._meta`, and those that this library reads there.
pub(crate) const META: &[&str; 10] = &[
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/logLevel",
    "progressToken",
    "traceparent",
    "tracestate",
    "baggage",
    "mcp-auth/dryRun",
    "mcp-auth/reason",
];

/// Members of `params.ref` of `completion/complete`.
const REF: &[&str] = &["type", "name", "uri", "title"];

/// Members of `params.notifications` of `subscriptions/listen`.
const NOTIFICATIONS: &[&str] =
    &["toolsListChanged", "promptsListChanged", "resourcesListChanged", "resourceSubscriptions", "taskIds"];

const PRIVATE: &str = "$serde_json::private::";

/// Which object is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Top,
    Params,
    Meta,
    Ref,
    Notifications,
    /// The outermost object of a text whose members are all noted.
    Fields,
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
            Self::Fields | Self::Free => &[],
        }
    }

    /// The object that the member `key` of this one would be.
    pub(super) fn inside(self, key: &str) -> Self {
        match self {
            Self::Top if key == "params" => Self::Params,
            Self::Params => match key {
                "_meta" => Self::Meta,
                "ref" => Self::Ref,
                "notifications" => Self::Notifications,
                _ => Self::Free,
            },
            _ => Self::Free,
        }
    }

    /// The place of `key` in this object's table; `Err` if it is another spelling of an entry.
    pub(super) fn slot(self, key: &str) -> Result<Option<usize>, ()> {
        let table = self.table();
        if table.is_empty() {
            return Ok(None);
        }
        if let Some(slot) = table.iter().position(|known| *known == key) {
            return Ok(Some(slot));
        }
        // Two letters outside ASCII fold into ASCII ones, and some parsers match keys by Unicode folding.
        let folded = match key.is_ascii() {
            true => Cow::Borrowed(key),
            false => Cow::Owned(key.replace('\u{17F}', "s").replace('\u{212A}', "k")),
        };
        if table.iter().any(|known| known.eq_ignore_ascii_case(&folded)) {
            return Err(());
        }
        Ok(None)
    }
}

/// True for keys that serde_json gives a meaning of its own.
#[inline]
pub(super) fn is_private(key: &str) -> bool {
    key.as_bytes().first() == Some(&b'$') && key.starts_with(PRIVATE)
}
