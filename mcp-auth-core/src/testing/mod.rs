//! What tests need: an authorization server on loopback, tokens of every kind, good and bad, and a store that can be
//! watched and unplugged ([`ObservedStore`]). (Feature `testing`.)
//!
//! ```
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! use mcp_auth_core::testing::Authority;
//! use mcp_auth_core::verify::jwt::JwtVerifier;
//! use mcp_auth_core::verify::{TokenVerifier, VerifyContext};
//! use mcp_auth_core::{Credential, time::Clock};
//!
//! let authority = Authority::start().await?;
//! let verifier = JwtVerifier::builder(authority.issuer()).jwks(authority.jwks()).build()?;
//! let token = authority.token("https://mcp.example/mcp").scope("notes:read").sign();
//! let context = VerifyContext { resource: "https://mcp.example/mcp", now: Clock::system().now(), address: None };
//! let ada = verifier.verify(&Credential::bearer(token), context).await?;
//! assert!(ada.principal().scopes().contains("notes:read"));
//! # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod authority;
mod observed_store;
mod proof;
mod signer;
mod token;

pub use authority::{Authority, AuthorityBuilder, Discovery, Fault};
pub use observed_store::{ObservedStore, StoreCall};
pub use proof::{ProofBuilder, thumbprint};
pub use signer::TestKey;
pub use token::TokenBuilder;
