//! A Corcava-style project-management server.

pub mod domain;
