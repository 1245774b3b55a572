//! The worker's HTTP API.
//!
//! Owns: the routes of the contract (sections 3 and 4), keys, the one error type [`Problem`], the generated OpenAPI document and the listener.
//! Every path of the contract is served with and without its `/v2` segment.
//!
//! Does not do: touch a call. What is live is reached through [`CallControl`], which `host` implements; what is durable through
//! [`crate::store::Store`]. A row of another organisation is answered exactly like one that does not exist.
//!
//! A turn that is posted on a live call is refused (409 `live_call`): its caller speaks for themself, and the operator's words go through the
//! handoff. On a chat that waits for a person the user's words are stored for the operator and the assistant stays silent.
//!
//! Bounds: each key's requests a minute (429 with Retry-After), body 64 KiB (413), [`MAX_CONCURRENT_REQUESTS`] at once (503), ten seconds for a request's body to arrive (408). A handler that panics
//! answers 500 and the others go on.

mod approvals;
mod calls;
mod conversations;
mod create;
mod extract;
mod guard;
mod handoffs;
mod keys;
mod limit;
mod ops;
mod port;
mod problem;
mod router;
mod serve;
mod state;
mod time;
mod turns;
mod voice;
mod wire;

pub use keys::{Key, KeyRing};
pub use limit::RateLimit;
pub use port::{
    ArmedTimer, AssistantView, CallControl, CallDetail, CallSummary, Chat, ChatAnswer, ChatError, ChatEvent, ChatStream, ChatTurn,
    ControlError, LegView, PlaceCall, PlaceError, PlacedCall, Readiness, TimelineLine, assistant_id, number_id,
};
pub use problem::{ErrorResponse, Problem, ValidationError};
pub use router::{openapi, router};
pub use serve::{BindError, bind, serve};
pub use state::{ApiState, MAX_CONCURRENT_REQUESTS};
