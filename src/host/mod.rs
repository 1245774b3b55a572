//! The composition root: knows everyone, decides nothing about a call.

mod admission;
mod clock;
mod recorder;
mod spawn;

pub use admission::{Admission, Refusal, Slot};
pub use clock::Clock;
pub use recorder::{CallRecording, Recorder};
pub use spawn::Tasks;
