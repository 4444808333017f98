#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

mod answer;
mod approvers;
mod authorize;
mod browser;
mod builder;
mod clients;
mod connections;
mod form;
mod grants;
mod held;
mod limits;
mod metadata;
mod pages;
mod provider;
mod revoke;
mod secret;
mod sign_in;
mod signing;
mod token;
mod visit;

pub use approvers::ProviderApprovers;
pub use builder::ProviderBuilder;
pub use clients::Client;
pub use connections::Connection;
pub use provider::Provider;
pub use sign_in::{
    ChangedUser, HostSession, KeptUsers, KeptUsersError, LocalUsers, Login, SignIn, SignInError, User,
};
pub use signing::{SigningKey, SigningKeyError};
