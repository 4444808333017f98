//! Leaves a failing server alone.
//!
//! 1. After five failures in a row it is not asked for ten seconds; then one question probes it.
//! 2. That a token is refused is an answer, not a failure; nor is an answer that is not understood: whoever can choose a token
//!    that provokes one must not shut everybody out.

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

/// What a question is asked as: only a probe decides about a breaker that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Usual,
    Probe,
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

    /// Whether it may be asked now, and as what; if not, how long to wait.
    pub(crate) fn admit(&self) -> Result<Pass, Duration> {
        let (mut state, now) = (self.lock(), self.clock.now());
        match *state {
            State::Closed { .. } => Ok(Pass::Usual),
            State::Open { until } if now < until => Err(until.since(now)),
            // A probe that never came back is no probe any more.
            State::Probing { since } if now.since(since) < OPEN_FOR => Err(OPEN_FOR),
            State::Open { .. } | State::Probing { .. } => {
                *state = State::Probing { since: now };
                Ok(Pass::Probe)
            }
        }
    }

    /// It answered.
    pub(crate) fn succeeded(&self, pass: Pass) {
        let mut state = self.lock();
        match (*state, pass) {
            (State::Closed { .. }, _) => *state = State::Closed { failures: 0 },
            (State::Probing { .. }, Pass::Probe) => {
                tracing::info!(server = self.name, "the server answers again");
                *state = State::Closed { failures: 0 };
            }
            // What was asked before it failed says nothing about now.
            _ => {}
        }
    }

    /// It did not.
    pub(crate) fn failed(&self, pass: Pass) {
        let (mut state, until) = (self.lock(), self.clock.now().plus(OPEN_FOR));
        match (*state, pass) {
            (State::Closed { failures }, _) if failures + 1 < FAILURES => {
                *state = State::Closed { failures: failures + 1 };
            }
            (State::Closed { .. }, _) => {
                tracing::error!(server = self.name, "the server fails: it is not asked for ten seconds");
                metrics::counter!("mcp_auth_breaker_opened_total", "server" => self.name.clone())
                    .increment(1);
                *state = State::Open { until };
            }
            (State::Probing { .. }, Pass::Probe) => *state = State::Open { until },
            _ => {}
        }
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
            breaker.failed(Pass::Usual);
        }
        breaker.succeeded(Pass::Usual);
        for _ in 0..FAILURES {
            assert_eq!(breaker.admit(), Ok(Pass::Usual));
            breaker.failed(Pass::Usual);
        }
        assert_eq!(breaker.admit(), Err(OPEN_FOR));
        breaker.succeeded(Pass::Usual);
        assert!(breaker.admit().is_err(), "an answer from before changes nothing");
        clock.advance(OPEN_FOR);
        assert_eq!(breaker.admit(), Ok(Pass::Probe));
        assert!(breaker.admit().is_err(), "one probe");
        breaker.failed(Pass::Usual);
        breaker.failed(Pass::Probe);
        assert!(breaker.admit().is_err());
        clock.advance(OPEN_FOR);
        assert_eq!(breaker.admit(), Ok(Pass::Probe));
        breaker.succeeded(Pass::Probe);
        assert_eq!(breaker.admit(), Ok(Pass::Usual));
    }
}
