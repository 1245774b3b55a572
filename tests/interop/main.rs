//! Real programs against the worker, on loopback. Each test says what it needs; without it the test is skipped with a visible line, but fails
//! where CI is set.

mod assistants;
mod bad_input;
mod calls;
mod codecs;
mod disks;
mod handover;
mod killed;
mod model_calls;
mod model_peer;
mod operations;
mod options;
mod outbound;
mod phone_calls;
mod phones;
mod proxy;
mod sipp_calls;
mod sound;
mod spans;
mod spoken_call;
mod support;
mod warm;
mod warm_failures;
mod worker;
