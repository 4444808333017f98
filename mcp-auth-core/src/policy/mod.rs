//! What may be done: one declaration per tool, resource, prompt or method.
//!
//! 1. What is not declared is refused, and answered exactly as what does not exist.
//! 2. A declaration says which scopes are needed, what the call does to the world ([`Effect`]), and how a caller
//!    without the scopes is answered ([`Denial`]).
//! 3. Scopes may depend on the arguments; then the function sees exactly the arguments that are forwarded.
//! 4. Where several declarations match one resource, all of them must be satisfied, those included that match another reading of its
//!    URI; a URI with dot segments or empty ones matches none.
//! 5. How calls are confirmed follows from the effect, unless the declaration says otherwise; what a tool says of itself makes that
//!    stricter and never weaker.
//! 6. Listing is presentation: what a list hides is refused at the call as well.
//!
//! ```
//! use mcp_auth_core::policy::{ToolPolicies, destructive, public, read};
//!
//! let tools = serde_json::json!([{ "name": "list_notes" }, { "name": "delete_note" }, { "name": "about" }]);
//! let policies = ToolPolicies::from_tools(tools.as_array().unwrap())?
//!     .tool("list_notes", read("notes:read"))
//!     .tool("delete_note", destructive("notes:delete").hidden())
//!     .tool("about", public())
//!     .resource("note://{id}", read("notes:read"));
//! # Ok::<_, mcp_auth_core::policy::PolicyError>(())
//! ```

mod arguments;
mod decide;
mod declaration;
mod template;
mod tools;
mod uri;

pub use arguments::Arguments;
pub use decide::{ScopePolicy, Verdict};
pub use declaration::{Denial, Effect, ToolPolicy, destructive, public, read, write};
pub use tools::{PolicyError, ToolPolicies};
