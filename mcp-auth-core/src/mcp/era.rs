//! Revisions of the protocol, and which of the two eras a message belongs to.
//!
//! 1. A message is modern if `params._meta` names the revision 2026-07-28; the header must then name it too.
//! 2. A header that names it while the body does not is refused, except on a notification, where the revision
//!    requires nothing in the body.
//! 3. `initialize` without that member is legacy; its header, if any, names what the body asks for or a legacy
//!    revision.
//! 4. Everything else is legacy, in the revision that the header names, else 2025-03-26.
//! 5. An unknown revision is refused, in the header and in the body alike.

use super::{Message, MessageKind, ProtocolError, headers::single};

/// The key in `_meta` under which a modern request names its revision.
pub(crate) const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
pub(crate) const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
const VERSION_HEADER: http::HeaderName = http::HeaderName::from_static("mcp-protocol-version");

/// A revision of the protocol, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Revision {
    /// 2024-11-05
    V2024_11_05,
    /// 2025-03-26
    V2025_03_26,
    /// 2025-06-18
    V2025_06_18,
    /// 2025-11-25
    V2025_11_25,
    /// 2026-07-28
    V2026_07_28,
}

impl Revision {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The revision of that name; `None` if there is none.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == name)
    }

    /// True from 2026-07-28 on: no handshake, no session, the version on every request.
    #[must_use]
    pub fn is_modern(self) -> bool {
        self >= Self::V2026_07_28
    }
}

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a message is to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Era {
    /// With a handshake and perhaps a session. The revision is the header's, or assumed; a session knows better.
    Legacy(Revision),
    /// Each request for itself, by 2026-07-28.
    Modern,
}

impl Era {
    /// The revision whose rules apply.
    #[must_use]
    pub fn revision(self) -> Revision {
        match self {
            Self::Legacy(revision) => revision,
            Self::Modern => Revision::V2026_07_28,
        }
    }

    /// True for [`Era::Modern`].
    #[must_use]
    pub fn is_modern(self) -> bool {
        self == Self::Modern
    }

    /// The era of a message, from its body and the `MCP-Protocol-Version` header alone.
    ///
    /// # Errors
    /// Header and body disagree, the header comes twice or is missing where the body names a version, the version
    /// is unknown, or a modern request lacks its `_meta`.
    pub fn of(headers: &http::HeaderMap, message: &Message) -> Result<Self, ProtocolError> {
        let header = single(headers, &VERSION_HEADER)?;
        let body = message.meta(VERSION_KEY);
        if message.method() == Some("initialize") && body.is_none() {
            return initialize(header, message);
        }
        let named = header
            .map(|name| Revision::parse(name).ok_or_else(|| ProtocolError::version(name)))
            .transpose()?;
        let Some(body) = body else {
            return match named.unwrap_or(Revision::V2025_03_26) {
                legacy if !legacy.is_modern() => Ok(Self::Legacy(legacy)),
                _ if matches!(message.kind(), MessageKind::Notification) => Ok(Self::Modern),
                _ => Err(ProtocolError::MissingMeta(VERSION_KEY)),
            };
        };
        let body = body.as_str().ok_or(ProtocolError::MissingMeta(VERSION_KEY))?;
        let asked = Revision::parse(&body).ok_or_else(|| ProtocolError::version(&body))?;
        match named {
            None => Err(ProtocolError::header("MCP-Protocol-Version", "is missing")),
            Some(named) if named != asked => {
                Err(ProtocolError::header("MCP-Protocol-Version", "does not match the body"))
            }
            Some(named) if named.is_modern() => Ok(Self::Modern),
            Some(named) => Ok(Self::Legacy(named)),
        }
    }
}

fn initialize(header: Option<&str>, message: &Message) -> Result<Era, ProtocolError> {
    let asked = message.param("protocolVersion").and_then(|version| version.as_str());
    if let Some(header) = header
        && asked.as_deref() != Some(header)
        && Revision::parse(header).is_none_or(Revision::is_modern)
    {
        return Err(ProtocolError::header("MCP-Protocol-Version", "does not match the body"));
    }
    // A server answers with the newest revision that has a handshake when it does not know the one asked for.
    let revision = asked.as_deref().and_then(Revision::parse).filter(|revision| !revision.is_modern());
    Ok(Era::Legacy(revision.unwrap_or(Revision::V2025_11_25)))
}
