//! The cases, by what they are about.

pub mod api_keys;
pub mod approvals;
pub mod bodies;
pub mod confirmations;
pub mod credentials;
pub mod fields;
pub mod flood;
pub mod flow;
pub mod headers;
pub mod introspection;
pub mod limits;
pub mod lists;
pub mod means;
pub mod place;
pub mod policy;
pub mod proofs;
pub mod records;
pub mod revocations;
pub mod sessions;
pub mod source;
pub mod streams;
pub mod tokens;
pub mod upstream;
