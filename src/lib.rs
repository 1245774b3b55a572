//! voice-worker: the open voice-worker host daemon.
//!
//! ```text
//! ring 3   main → cli → settings → host         compose, supervise, admit, drain
//!                         │
//! ring 2   sip::shell  media::shell  runtime::shell  speech  store  api  telemetry
//!                         │                          sockets, HTTP, SQL, files, tokio
//! ring 1   call   runtime   sip   media   replay  pure: no await, no clock, no task, no socket
//!                         │
//! ring 0   model                                  words, ids, time, wire types of the contract
//! ```
//!
//! Arrows point down only (`tests/layering.rs` enforces it). Modules of ring 1 do not import each other, except `replay`, which drives
//! `call` and `runtime`. They meet in `host::translate`.
//!
//! # One call, as data
//!
//! SIP INVITE → [`sip`] → `host::admission` → one driver task with one inbox → [`call::Call::handle`] → [`call::Call::poll_command`] until
//! empty → each command to its shell, never awaited → the answer comes back as an event. Audio frames never pass through the core; facts
//! about audio do (`SpeechStarted`, `Transcript`, `DigitPressed`, `PlaybackEnded`).
//!
//! | module | imports |
//! |---|---|
//! | [`model`] | nothing |
//! | [`call`], [`runtime`], [`sip`], [`media`] | `model` |
//! | [`replay`] | `model`, `call`, `runtime` |
//! | [`speech`] | `model`, `media` |
//! | [`store`], [`telemetry`] | `model` |
//! | [`api`] | `model`, `store` |
//! | [`host`] | all of the above |
//! | [`settings`] | `host` and each module's configuration |
//! | [`cli`] | everything |

pub mod call;
pub mod media;
pub mod model;
pub mod replay;
pub mod runtime;
pub mod sip;

pub mod api;
pub mod speech;
pub mod store;
pub mod telemetry;

pub mod cli;
pub mod host;
pub mod settings;
