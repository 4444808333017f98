//! Leaves a failing server alone.
//!
//! 1. After five failures in a row it is not asked for ten seconds; then one question probes it.
//! 2. That a token is refused is an answer, not a failure.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::time::{Clock, Timestamp};

const FAILURES: u32 = 5;
const OPEN_FOR: Duration = Duration::from_secs(10);

/// Whether a server is asked.
#[derive(Debug)]
pub(crate) struct Breaker {
    name: String,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Timestamp },
    Probing { since: Timestamp },
}

impl Breaker {
    /// A server that answers, as far as is known. `name` is for the log.
    pub(crate) fn new(name: impl Into<String>, clock: Clock) -> Self {
        Self { name: name.into(), clock, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether it may be asked now; if not, how long to wait.
    pub(crate) fn admit(&self) -> Result<(), Duration> {
        let (mut state, now) = (self.lock(), self.clock.now());
        match *state {
            State::Closed { .. } => Ok(()),
            State::Open { until } if now < until => Err(until.since(now)),
            // A probe that never came back is no probe any more.
            State::Probing { since } if now.since(since) < OPEN_FOR => Err(OPEN_FOR),
            State::Open { .. } | State::Probing { .. } => {
                *state = State::Probing { since: now };
                Ok(())
            }
        }
    }

    /// It answered.
    pub(crate) fn succeeded(&self) {
        let mut state = self.lock();
        if !matches!(*state, State::Closed { .. }) {
            tracing::info!(server = self.name, "the server answers again");
        }
        *state = State::Closed { failures: 0 };
    }

    /// It did not.
    pub(crate) fn failed(&self) {
        let (mut state, until) = (self.lock(), self.clock.now().plus(OPEN_FOR));
        *state = match *state {
            State::Closed { failures } if failures + 1 < FAILURES => State::Closed { failures: failures + 1 },
            State::Closed { .. } => {
                tracing::error!(server = self.name, "the server fails: it is not asked for ten seconds");
                metrics::counter!("mcp_auth_breaker_opened_total", "server" => self.name.clone())
                    .increment(1);
                State::Open { until }
            }
            State::Open { .. } | State::Probing { .. } => State::Open { until },
        };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_opens_probes_once_and_closes() {
        let clock = Clock::manual(Timestamp::from_secs(1000));
        let breaker = Breaker::new("x", clock.clone());
        for _ in 0..FAILURES - 1 {
            breaker.failed();
        }
        breaker.succeeded();
        for _ in 0..FAILURES {
            breaker.admit().unwrap();
            breaker.failed();
        }
        assert_eq!(breaker.admit(), Err(OPEN_FOR));
        clock.advance(OPEN_FOR);
        breaker.admit().unwrap();
        assert!(breaker.admit().is_err(), "one probe");
        breaker.failed();
        assert!(breaker.admit().is_err());
        clock.advance(OPEN_FOR);
        breaker.admit().unwrap();
        breaker.succeeded();
        breaker.admit().unwrap();
    }
}
