//! The keys of an authority, and how they change.

use std::io;

use serde_json::json;

use crate::testing::TestKey;
use crate::verify::jwt::Algorithm;

/// One pair of each kind (RSA, P-256, P-384, Ed25519); the RSA pair is published without `alg` and serves every RSA algorithm.
#[derive(Debug)]
pub(super) struct Keys {
    generation: usize,
    current: [TestKey; 4],
    previous: Vec<TestKey>,
}

impl Keys {
    pub(super) fn generate(generation: usize) -> io::Result<Self> {
        let key = |algorithm, name| {
            TestKey::generate(algorithm, format!("{name}-{generation}"))
                .map_err(|_| io::Error::other("the machine gives no randomness"))
        };
        let current = [
            key(Algorithm::Rs256, "RSA")?,
            key(Algorithm::Es256, "ES256")?,
            key(Algorithm::Es384, "ES384")?,
            key(Algorithm::EdDsa, "EdDSA")?,
        ];
        Ok(Self { generation, current, previous: Vec::new() })
    }

    /// Fresh keys under the next names.
    pub(super) fn next(&self) -> io::Result<Self> {
        Self::generate(self.generation + 1)
    }

    pub(super) fn overlap(&mut self, fresh: Self) {
        let old = std::mem::replace(self, fresh);
        self.previous = old.current.into();
    }

    pub(super) fn withdraw(&mut self) {
        self.previous.clear();
    }

    pub(super) fn current(&self, algorithm: Algorithm) -> TestKey {
        let [rsa, es256, es384, eddsa] = &self.current;
        match algorithm {
            Algorithm::Es256 => es256.clone(),
            Algorithm::Es384 => es384.clone(),
            Algorithm::EdDsa => eddsa.clone(),
            rsa_algorithm => rsa.clone().using(rsa_algorithm),
        }
    }

    pub(super) fn jwks(&self) -> String {
        let keys = self.current.iter().chain(&self.previous).map(|key| match key.algorithm() {
            Algorithm::Rs256 => key.jwk_for_any(),
            _ => key.jwk(),
        });
        json!({ "keys": keys.collect::<Vec<_>>() }).to_string()
    }
}
