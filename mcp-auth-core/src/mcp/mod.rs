//! The MCP protocol on the wire, without policy and without input or output.
//!
//! 1. A body is read once, strictly ([`Message`]), and everything else is a view of those bytes ([`Raw`]).
//! 2. The revision is decided from body and header together ([`Era`]); headers never stand for the body ([`check`]).
//! 3. One table knows every method of every revision ([`METHODS`]); what it does not know is refused
//!    ([`Operation`]).
//! 4. On the way back, lists are filtered and marked private by cutting bytes ([`filter_list`], [`mark_private`]),
//!    in event streams event by event ([`SseRewriter`]); what is not understood is an error, never passed on.
//!
//! ```
//! use bytes::Bytes;
//! use mcp_auth_core::mcp::{Limits, Message, Operation, Target, check};
//!
//! let body = Bytes::from_static(br#"{"jsonrpc":"2.0","id":7,"method":"prompts/get","params":{"name":"daily"}}"#);
//! let message = Message::parse(&body, &Limits::default())?;
//! let era = check(&http::HeaderMap::new(), &message)?;
//! let operation = Operation::of(&message, era)?;
//! assert_eq!(operation.target, Target::Prompt("daily".into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod era;
mod error;
mod headers;
mod id;
mod list;
mod message;
mod methods;
mod operation;
mod param_headers;
mod raw;
mod splice;
mod sse;
mod strict;

pub use era::{Era, Revision};
pub use error::{ProtocolError, error_body};
pub use headers::check;
pub use id::Id;
pub use list::{ListKind, RewriteError, filter_list, mark_private};
pub use message::{Message, MessageKind, ParseError};
pub use methods::{Access, METHODS, Method, MethodKind, TargetKind};
pub use operation::{Operation, Target};
pub use param_headers::{ParamHeaders, ParamHeadersError};
pub(crate) use raw::Fields;
pub use raw::{Items, Kind, Member, Members, Raw};
pub use splice::edit_members;
pub use sse::{SseError, SseRewriter};
pub use strict::{Limits, Span, StrictError};
