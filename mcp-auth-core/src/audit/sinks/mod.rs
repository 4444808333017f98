//! Small sinks, and sinks made of sinks.

mod channel;
mod export;
mod fan_out;
mod filter;
mod tracing;

pub use self::tracing::TracingSink;
pub use channel::{ChannelSink, Delivered, Deliveries};
pub use export::Export;
pub use fan_out::FanOut;
pub use filter::Filter;
