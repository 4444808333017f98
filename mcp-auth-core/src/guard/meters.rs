//! The counters of the hot path, looked up once: a request adds to them and looks nothing up.
//!
//! They are looked up when the first request comes, so that a recorder which is installed after the guard was built counts,
//! too.

use std::sync::OnceLock;

use metrics::Counter;

/// The counters of one guard.
#[derive(Default)]
pub(super) struct Meters {
    counters: OnceLock<Counters>,
}

struct Counters {
    forwarded: Counter,
    cache_hit: Counter,
    cache_miss: Counter,
}

impl Meters {
    pub(super) fn forwarded(&self) {
        self.counters().forwarded.increment(1);
    }

    pub(super) fn cache_hit(&self) {
        self.counters().cache_hit.increment(1);
    }

    pub(super) fn cache_miss(&self) {
        self.counters().cache_miss.increment(1);
    }

    fn counters(&self) -> &Counters {
        self.counters.get_or_init(|| Counters {
            forwarded: metrics::counter!("mcp_auth_requests_total", "outcome" => "forwarded", "kind" => "allowed"),
            cache_hit: metrics::counter!("mcp_auth_token_cache_total", "outcome" => "hit"),
            cache_miss: metrics::counter!("mcp_auth_token_cache_total", "outcome" => "miss"),
        })
    }
}
