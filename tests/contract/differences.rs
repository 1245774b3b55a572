//! Where this worker's API differs from the published one, and why. One row a difference or a kind of difference; `*` stands for anything.
//! The later edition's paths (without `/v2`) are held to be the same as the others, and are not listed.

pub(crate) const DIFFERENCES: &[(&str, &str)] = &[
    // What every operation here has besides.
    ("*: answers 400, too", "a path, query or cursor that cannot be read is told so"),
    ("*: answers 401, too", "a wrong key is the published 401; the published page leaves it out of some operations"),
    (
        "*: answers 404, too",
        "an id that is unknown, or another organisation's, is the published 404; the page leaves it out of some operations",
    ),
    ("*: answers 408, too", "a body that does not arrive in time is refused"),
    ("*: answers 413, too", "a body is at most 64 KiB long"),
    ("*: answers 429, too", "each key has a rate"),
    ("*: answers 500, too", "a fault of the worker is an ErrorResponse as well, and is written down as one"),
    ("*: answers 503, too", "a worker that is full, or whose store is away, says so and when to come again"),
    ("*/resolve: answers 409, too", "a handoff that was cancelled cannot be resolved any more"),
    ("*/resolve: answers 504, too", "a live call that does not end in time; the order stands"),
    ("*/end_session: answers 504, too", "a live call that does not end in time; the order stands"),
    ("*/handoffs/{handoff_id}/messages: answers 409, too", "nobody waits for the words any more"),
    ("*/turns: answers 409, too", "one turn at a time; a conversation that is over; a live call"),
    ("*/turns/stream: answers 409, too", "as without streaming"),
    ("POST /v1/voice/outbound: answers 403, too", "the destination is outside the allow-list, or a limit of outbound attempts is reached"),
    ("* \"\" has retryable, too", "says where the same request may work in a moment"),
    // What numbers and nulls look like.
    ("*: min 0 instead of null", "a count is never negative; the numbers are the same"),
    ("*: parameter query *: nullable null instead of true", "a query has no null; a parameter that is left out is what null means"),
    // Conversations.
    ("*/turns: parameter query limit: min 1 instead of null", "a page of no or of fewer messages is no page"),
    ("GET /v1/v2/conversations: parameter query eval_filter: nullable null instead of true", "a query has no null"),
    ("POST /v1/v2/conversations: body \"\" *: max_length 512 instead of null", "what is stored has a bound"),
    ("*/end_session: body \"\" reason: max_length 64 instead of null", "the row's reason has 64 characters"),
    (
        "*/close: body \"\" reason: words null instead of *",
        "any word is taken, as published; the known ones are listed in SessionTerminationReason",
    ),
    ("* has termination_reason, too", "why it ended is what people ask first"),
    ("* lacks eval_summary", "conversations are not evaluated by a worker; the field is optional"),
    ("* has no \"*eval_summary\"", "as the field itself above"),
    ("*: 200 \"\" recent_turns: default null instead of []", "the field is always there"),
    ("*[]\" has seq, too", "a message's number is what a poll counts with"),
    ("*[]\" lacks delivery_status", "a worker delivers by speaking; the field is optional"),
    ("*[]\" lacks evidence", "a worker keeps no evidence packages; the field is optional"),
    ("*[]\" lacks tool_calls", "tool calls are in the trace, not in the transcript; the field is optional"),
    ("*[]\" lacks tool_results", "as tool_calls"),
    ("* has no \"*tool_calls[]\"", "as tool_calls"),
    ("* has no \"*tool_calls[].function\"", "as tool_calls"),
    ("* has no \"*tool_results\"", "as tool_calls"),
    ("*/turns: 201 \"\" has error, too", "what went wrong in the turn, in the words of TurnResult.error"),
    // Not a worker's.
    (
        "POST /v1/v2/conversations/test-chat: not served",
        "the platform's console starts test chats; a conversation with session_type test is one",
    ),
    ("POST /v1/v2/conversations/{conversation_id}/reevaluate: not served", "evaluation belongs to the platform"),
    (
        "GET /v1/v2/conversations/*/engineering/turns*: not served",
        "the platform's console reads them from its tracing product; a worker exports OTLP",
    ),
    ("GET /v1/v2/conversations/*/trace: not served", "as above; a call's timeline is at /v1/calls/{conversation_id}"),
    ("* /v1/voice/configs*: not served", "a worker's voice settings are its assistants' files"),
    (
        "GET /v1/voice/recordings/{recording_id}/playback-url: not served",
        "recordings stay on the worker's disk and are not handed out by URL",
    ),
    ("POST /v1/voice/web-call: not served", "it mints a token for a browser's media server; a worker is called by SIP"),
    // A worker's own.
    ("GET /health: not published", "for whatever watches the process"),
    ("GET /ready: not published", "for whatever sends it calls"),
    ("GET /metrics: not published", "for Prometheus"),
    ("GET /v1/assistants: not published", "the ids of what the configuration knows by name"),
    ("GET /v1/calls*: not published", "the calls that are live, with timers and timeline"),
    ("* /v1/hitl/approvals*: not published", "approvals are decided in the platform's console; a worker that stands alone needs a way"),
];
