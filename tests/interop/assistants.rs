//! Small assistants for calls whose caller is a program.

/// Asks for a number by keypad, again and again.
pub(crate) const DESK: &str = r##"
name = "Desk"

[voice.first_speaking]
text = "Hello there."

[variables.account]
type = "digits"
min_length = 1
max_length = 8

[tools.end_session]
said = ["goodbye"]

[workflow]
start = "ask"

[[workflow.nodes]]
id = "ask"
kind = "agent"
say = "Type your number."
collect = "account"
dtmf_input = { max_digits = 8, termination_digit = "#" }
edges = [{ to = "thanks" }, { to = "sorry", otherwise = true }]

[[workflow.nodes]]
id = "thanks"
kind = "action"
say = "I have {{account | spell}}."
edges = [{ to = "ask" }]

[[workflow.nodes]]
id = "sorry"
kind = "action"
say = "Sorry. Goodbye."
tool = "end_session"
"##;

/// Sends every caller on to `destination` right after a word of greeting. Where that fails it hangs up, or stays with the caller.
pub(crate) fn switchboard(destination: &str, stays: bool) -> String {
    let failed = if stays {
        "kind = \"agent\"\nsay = \"{{transfer_outcome}}. What else?\""
    } else {
        "kind = \"action\"\nsay = \"{{transfer_outcome}}. Goodbye.\"\ntool = \"end_session\""
    };
    format!(
        r#"
name = "Switchboard"

[voice.first_speaking]
text = "One moment."

[tools.transfer_call.targets.desk]
destination = "{destination}"
max_retries = 0
on_failure = "failed"

[tools.end_session]
said = ["goodbye"]

[workflow]
start = "go"

[[workflow.nodes]]
id = "go"
kind = "handoff"
transfer = ["desk"]

[[workflow.nodes]]
id = "failed"
{failed}
"#
    )
}

/// Takes a number by keypad, then sends the caller on to `destination`.
pub(crate) fn reception(destination: &str) -> String {
    DESK.replace(
        "[tools.end_session]",
        &format!("[tools.transfer_call.targets.desk]\ndestination = \"{destination}\"\n\n[tools.end_session]"),
    )
    .replace(
        "kind = \"action\"\nsay = \"I have {{account | spell}}.\"\nedges = [{ to = \"ask\" }]",
        "kind = \"handoff\"\ntransfer = [\"desk\"]",
    )
}

/// Sends every caller on to `destination` (and `others`, in order) after a consultation, with the shortest times the contract allows.
pub(crate) fn warm_switchboard(destination: &str, others: &[&str], warm: &str) -> String {
    let ring = if warm.contains("max_dial_seconds") { "" } else { "max_dial_seconds = 5" };
    format!(
        r#"
name = "Warm switchboard"

[voice.first_speaking]
text = "One moment."

[tools.transfer_call.targets.desk]
destination = "{destination}"
warm_destinations = {others:?}
mode = "warm"
max_retries = 0
on_failure = "failed"

[tools.transfer_call.targets.desk.warm]
message_mode = "static"
briefing_template = "Somebody calls about an invoice."
hold_announcement_text = "Please hold."
{ring}
max_briefing_seconds = 30
bridge_confirm_seconds = 5
max_hold_seconds = 60
reassurance_interval_seconds = 0
{warm}

[tools.end_session]
said = ["goodbye"]

[workflow]
start = "go"

[[workflow.nodes]]
id = "go"
kind = "handoff"
transfer = ["desk"]

[[workflow.nodes]]
id = "failed"
kind = "agent"
say = "{{{{transfer_outcome}}}}. What else?"
"#
    )
}
