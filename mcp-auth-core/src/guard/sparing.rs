//! What is taken down of whom nobody vouches for: nobody fills the record, neither by being refused nor by what is public.
//!
//! 1. A refusal for want of a credential is not: that is how every client begins. Nor is one whose intent could not be taken down; that
//!    has its own record.
//! 2. Of those whom nobody vouches for, an address has thirty in a minute, and all addresses a thousand.
//! 3. An address that presented too many bad credentials is told once a minute, and so is a principal that asks too often.
//! 4. What a principal may not do is taken down each time.
//! 5. Where something is public, what runs or is asked about without a credential has as many again; beyond that it runs, and is
//!    only counted. A write has as many of its own, and beyond that does not run: it never does without its intent.
//! 6. The others are counted: `mcp_auth_audit_left_out_total`, refusals by their kind as everywhere, what ran as `anonymous`.

use std::net::IpAddr;
use std::time::Duration;

use super::{Exchange, Refusal};
use crate::limit::{Allowance, address_key};

const MINUTE: Duration = Duration::from_secs(60);
const OF_AN_ADDRESS: u32 = 30;
const OF_ALL_ADDRESSES: u32 = 1000;
/// So many addresses, and so many principals, are told of.
const TOLD_OF: u32 = 1000;

/// What has been taken down in this minute.
#[derive(Debug)]
pub(super) struct Sparing {
    nobodys: Allowance<IpAddr>,
    open: Allowance<IpAddr>,
    writes: Allowance<IpAddr>,
    blocked: Allowance<IpAddr>,
    /// By the refusal's kind and the principal's key.
    busy: Allowance<(&'static str, Box<str>)>,
}

impl Sparing {
    pub(super) fn new() -> Self {
        Self {
            nobodys: Allowance::new(OF_AN_ADDRESS, OF_ALL_ADDRESSES),
            open: Allowance::new(OF_AN_ADDRESS, OF_ALL_ADDRESSES),
            writes: Allowance::new(OF_AN_ADDRESS, OF_ALL_ADDRESSES),
            blocked: Allowance::new(1, TOLD_OF),
            busy: Allowance::new(1, TOLD_OF),
        }
    }

    /// Whether this refusal is taken down.
    pub(super) fn takes(&self, exchange: &Exchange, refusal: &Refusal) -> bool {
        let who = || address_key(exchange.address);
        let takes = match (refusal, &exchange.principal) {
            (Refusal::NoToken { .. } | Refusal::Unrecorded(_), _) => return false,
            (Refusal::TooManyFailures { .. }, _) => self.blocked.take(who()),
            (Refusal::TooManyRequests { .. } | Refusal::TooManyAtOnce, Some(principal)) => {
                self.busy.take((refusal.kind(), principal.key().into()))
            }
            (_, Some(_)) => true,
            (_, None) => self.nobodys.take(who()),
        };
        if !takes {
            leave_out(refusal.kind());
        }
        takes
    }

    /// Whether what is about to run, or is asked about, is taken down.
    pub(super) fn takes_open(&self, exchange: &Exchange) -> bool {
        let takes = exchange.principal.is_some() || self.open.take(address_key(exchange.address));
        if !takes {
            leave_out("anonymous");
        }
        takes
    }

    /// Whether a write may run, and be taken down.
    ///
    /// # Errors
    /// Nobody vouches for it, and there were too many in this minute.
    pub(super) fn write(&self, exchange: &Exchange) -> Result<(), Refusal> {
        match exchange.principal.is_some() || self.writes.take(address_key(exchange.address)) {
            true => Ok(()),
            false => Err(Refusal::TooManyRequests { retry_after: MINUTE }),
        }
    }
}

fn leave_out(kind: &'static str) {
    metrics::counter!("mcp_auth_audit_left_out_total", "kind" => kind).increment(1);
}
