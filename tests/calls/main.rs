//! The call core in virtual time, one behaviour a file. No test waits: a ten-minute call takes microseconds.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod scenario;

mod admin_hangup_cuts_in_anywhere;
mod agent_ends_after_its_last_words;
mod answer_and_greeting;
mod bounds;
mod caller_gone_in_every_phase;
mod cold_transfer;
mod cold_transfer_failures;
mod drain;
mod engine_failures;
mod hold_and_media;
mod interruption;
mod interruption_taken_back;
mod keypad;
mod once;
mod outbound;
mod refer_or_bridge;
mod silence;
mod true_causes;
mod turns_in_order;
mod waiting_for_a_person;
mod warm_transfer;
