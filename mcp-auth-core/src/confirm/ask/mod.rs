//! What is sent and read for each way to ask.
//!
//! 1. `wire` writes the JSON-RPC messages, `form` the question of a person and the reading of the answer, `two_step` the
//!    argument that carries a token, `stream` the question in a legacy session and `place` its place there, `nested` the states of tools that ask
//!    themselves.
//! 2. An answer is read strictly: what is mistyped is refused, what is missing is asked for again, what is not known is
//!    ignored.

pub(super) mod form;
pub(super) mod nested;
pub(super) mod place;
pub(super) mod stream;
pub(super) mod two_step;
pub(super) mod wire;
