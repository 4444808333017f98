//! A confirmed tool that asks questions of its own (2026-07-28).
//!
//! 1. Its `InputRequiredResult` goes back with a `requestState` of ours, in which its own travels.
//! 2. The retry carries ours, which opens for the same principal, tool and arguments once; the tool gets its own back,
//!    and with it who confirmed its call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::confirm::Confirmed;
use crate::confirm::seal::{Binding, Purpose, Seal, State};
use crate::mcp::{Limits, Raw, RewriteError, edit_members};
use crate::time::Clock;

/// Takes the answer of a confirmed tool and, where it asks for input, puts its state into ours.
#[derive(Clone)]
#[must_use = "every answer to a confirmed call goes through it"]
pub struct Continuation {
    inner: Arc<Inner>,
}

struct Inner {
    seal: Seal,
    binding: Binding,
    clock: Clock,
    good_for: Duration,
    confirmed: Option<Confirmed>,
}

impl Continuation {
    pub(in super::super) fn new(
        seal: Seal,
        binding: Binding,
        clock: Clock,
        good_for: Duration,
        confirmed: Option<Confirmed>,
    ) -> Self {
        Self { inner: Arc::new(Inner { seal, binding, clock, good_for, confirmed }) }
    }

    /// The response to pass on: the same bytes, unless the tool asks for input. Bound its size before.
    ///
    /// # Errors
    /// It is not understood; it must then not be passed on.
    pub fn wrap(&self, response: &Bytes) -> Result<Bytes, RewriteError> {
        let limits = Limits::default().with_max_bytes(usize::MAX).with_max_depth(Limits::DEEPEST);
        let message = Raw::parse(response, &limits)?;
        let Some(result) = member(message, "result")? else { return Ok(response.clone()) };
        let asks = member(result, "resultType")?.and_then(Raw::as_str).as_deref() == Some("input_required");
        if !asks {
            return Ok(response.clone());
        }
        let nested = match member(result, "requestState")? {
            Some(state) => Some(state.as_str().ok_or(RewriteError::NotAResponse)?.into_owned()),
            None => None,
        };
        let inner = &self.inner;
        let expires_at = inner.clock.now().plus(inner.good_for);
        let state = State::new(Purpose::Continued, expires_at, None)
            .map(|state| State { nested, confirmed: inner.confirmed.clone(), ..state })
            .and_then(|state| inner.seal.seal(&state, &inner.binding))
            .ok_or(RewriteError::NotAResponse)?;
        let state = format!("\"{state}\"");
        Ok(edit_members(response, result, &[("requestState", Some(state.as_bytes()))]).into())
    }
}

/// A member by its exact key; another spelling of it could be what a client reads.
fn member<'a>(object: Raw<'a>, key: &str) -> Result<Option<Raw<'a>>, RewriteError> {
    let mut found = None;
    for member in object.members().filter(|member| member.key.eq_ignore_ascii_case(key)) {
        if member.key != key {
            return Err(RewriteError::NotAResponse);
        }
        found = Some(member.value);
    }
    Ok(found)
}

impl fmt::Debug for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Continuation")
    }
}
