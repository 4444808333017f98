//! The book; its Rust blocks are compiled by the tests.
