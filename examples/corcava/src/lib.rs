//! A Corcava-style project-management server.

pub mod domain;
pub mod policies;
pub mod tools;
