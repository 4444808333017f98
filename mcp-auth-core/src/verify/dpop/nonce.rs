//! Nonces that a server chooses (RFC 9449, section 9), without a table.
//!
//! 1. A nonce is the number of a two-minute period and its MAC; it is good in its period and in the next.
//! 2. Replicas that share the key take each other's nonces.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretSlice};
use subtle::ConstantTimeEq as _;

use crate::time::Timestamp;

const PERIOD: u64 = 120;

#[derive(Clone)]
pub(super) struct Nonces {
    key: hmac::Key,
}

impl Nonces {
    pub(super) fn random() -> Option<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new()).ok()?;
        Some(Self { key })
    }

    pub(super) fn with_key(key: &SecretSlice<u8>) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret()) }
    }

    pub(super) fn current(&self, now: Timestamp) -> String {
        self.of_period(now.as_secs() / PERIOD)
    }

    /// `Some(false)` for the newest nonce, `Some(true)` for the one before.
    pub(super) fn check(&self, nonce: Option<&str>, now: Timestamp) -> Option<bool> {
        let (nonce, period) = (nonce?, now.as_secs() / PERIOD);
        let is = |period| -> bool { self.of_period(period).as_bytes().ct_eq(nonce.as_bytes()).into() };
        if is(period) {
            return Some(false);
        }
        is(period.saturating_sub(1)).then_some(true)
    }

    fn of_period(&self, period: u64) -> String {
        let tag = hmac::sign(&self.key, &[b"dpop-nonce".as_slice(), &period.to_be_bytes()].concat());
        let mut nonce = period.to_be_bytes().to_vec();
        nonce.extend(tag.as_ref().iter().take(16));
        URL_SAFE_NO_PAD.encode(nonce)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_nonce_lives_for_its_period_and_the_next() {
        let (nonces, others) = (Nonces::random().unwrap(), Nonces::random().unwrap());
        let at = |secs| Timestamp::from_secs(secs);
        let nonce = nonces.current(at(1200));
        assert_eq!(nonces.check(Some(&nonce), at(1319)), Some(false));
        assert_eq!(nonces.check(Some(&nonce), at(1439)), Some(true));
        assert_eq!(nonces.check(Some(&nonce), at(1440)), None);
        assert_eq!(nonces.check(None, at(1200)), None);
        assert_eq!(others.check(Some(&nonce), at(1200)), None);
    }
}
