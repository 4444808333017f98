//! The behaviour suite: what every guarded MCP server must do, asked over HTTP.
//!
//! 1. A case knows a URL and who signs tokens ([`Fixture`]); how the server is served is the adapter's ([`Serve`]).
//! 2. [`suite!`] makes every case a test of the adapter's. An adapter has no case of its own except about its framework.
//! 3. After each refusal a case asks what really ran: nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod ask;
pub mod cases;
mod fixture;
pub mod message;
mod server;

pub use ask::{Answer, Ask, parameter};
pub use fixture::{Fixture, Running, Serve, Setup};
pub use server::{Mcp, Notes, Ran};

/// Makes every case a test of its own, for a type that implements [`Serve`].
#[macro_export]
macro_rules! suite {
    ($serve:ty) => {
        $crate::suite! { $serve;
            flow: a_client_is_led_to_what_it_may;
        }
    };
    ($serve:ty; $($module:ident: $($case:ident)+;)+) => {
        $(mod $module {
            use super::*;
            $(#[tokio::test]
            async fn $case() {
                $crate::cases::$module::$case::<$serve>().await;
            })+
        })+
    };
}
