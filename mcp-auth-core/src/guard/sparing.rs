//! Which refusals are taken down: nobody fills the record by being refused.
//!
//! 1. A request without a credential is not: that is how every client begins. Nor is one whose intent could not be taken down; that
//!    has its own record.
//! 2. Of those whom nobody vouches for, an address has thirty in a minute, and all addresses a thousand.
//! 3. An address that presented too many bad credentials is told once a minute, and so is a principal that asks too often.
//! 4. What a principal may not do is taken down each time.
//! 5. The others are counted: `mcp_auth_audit_left_out_total`, and by their kind as every refusal.

use std::net::IpAddr;

use super::{Exchange, Refusal};
use crate::limit::{Allowance, address_key};

const OF_AN_ADDRESS: u32 = 30;
const OF_ALL_ADDRESSES: u32 = 1000;
/// So many addresses, and so many principals, are told of.
const TOLD_OF: u32 = 1000;

/// What has been taken down in this minute.
#[derive(Debug)]
pub(super) struct Sparing {
    nobodys: Allowance<IpAddr>,
    blocked: Allowance<IpAddr>,
    /// By the refusal's kind and the principal's key.
    busy: Allowance<(&'static str, Box<str>)>,
}

impl Sparing {
    pub(super) fn new() -> Self {
        Self {
            nobodys: Allowance::new(OF_AN_ADDRESS, OF_ALL_ADDRESSES),
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
            metrics::counter!("mcp_auth_audit_left_out_total", "kind" => refusal.kind()).increment(1);
        }
        takes
    }
}
