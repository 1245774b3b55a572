//! Every section's keys, bounds and defaults; and the rules between them.

use super::model::{
    Api, ApiKey, Assistants, Chat, LogFormat, Media, Recording, RecordingMode, ReferMode, ReferProfile, Route, Settings, Sip, Store,
    Telemetry, Transfer, Transport, Trunk, Worker,
};
use super::models;
use super::reader::Reader;
use crate::call::Deadlines;
use crate::host::SealKey;
use crate::model::{Millis, OrganisationId, Redacted};
use crate::sip::acl::Cidr;
use crate::sip::sdp::AudioCodec;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use uuid::Uuid;

const NAME_MAX: usize = 64;
const SOCKET: &str = "socket address; write 192.0.2.1:5060 or [2001:db8::1]:5060";
const ADDRESS: &str = "IP address";

pub(super) fn settings(r: &mut Reader<'_>) -> Settings {
    let settings = Settings {
        worker: worker(r),
        sip: sip(r),
        trunks: r.tables("trunk").iter().map(|at| trunk(r, at)).collect(),
        transfer: transfer(r),
        media: media(r),
        speech: super::speech::speech(r),
        models: models::models(r),
        secrets: models::secrets(r),
        api: api(r),
        recording: recording(r),
        store: store(r),
        assistants: assistants(r),
        chat: chat(r),
        deadlines: deadlines(r),
        telemetry: telemetry(r),
    };
    rules(r, &settings);
    settings
}

fn worker(r: &mut Reader<'_>) -> Worker {
    let d = Worker::default();
    Worker {
        name: r.text("worker.name", NAME_MAX).unwrap_or(d.name),
        state_dir: r.path("worker.state_dir").unwrap_or(d.state_dir),
        drain_deadline: r.seconds("worker.drain_deadline_seconds", 0..=3_600, d.drain_deadline),
        max_calls: r.count("worker.max_calls", 1..=10_000, d.max_calls),
        max_asks: r.count("worker.max_asks", 1..=10_000, d.max_asks),
        organisation: r.parsed::<Uuid>("worker.organisation", "UUID").map_or(d.organisation, OrganisationId),
    }
}

fn sip(r: &mut Reader<'_>) -> Sip {
    let d = Sip::default();
    Sip {
        udp: r.parsed_list("sip.udp", SOCKET).unwrap_or(d.udp),
        tcp: r.parsed_list("sip.tcp", SOCKET).unwrap_or(d.tcp),
        advertised_address: r.parsed("sip.advertised_address", ADDRESS),
        allow: r.parsed_list("sip.allow", "network").unwrap_or(d.allow),
        t1: r.millis("sip.t1_ms", 50..=5_000, d.t1),
        t2: r.millis("sip.t2_ms", 500..=40_000, d.t2),
        t4: r.millis("sip.t4_ms", 500..=50_000, d.t4),
        session_expires: r.seconds("sip.session_expires_seconds", 0..=86_400, d.session_expires),
        min_session_expires: r.seconds("sip.min_session_expires_seconds", 90..=86_400, d.min_session_expires),
    }
}

fn trunk(r: &mut Reader<'_>, at: &str) -> Trunk {
    let key = |name: &str| format!("{at}.{name}");
    let trunk = Trunk {
        name: r.required_text(&key("name"), NAME_MAX),
        sources: r.parsed_list::<Cidr>(&key("sources"), "network").unwrap_or_default(),
        address: r.text(&key("address"), 255),
        transport: r.word(&key("transport"), &[("udp", Transport::Udp), ("tcp", Transport::Tcp)], Transport::default()),
        username: r.text(&key("username"), 255),
        password: r.secret_file(&key("password_file")),
        destination_template: r.text(&key("destination_template"), 255).unwrap_or_else(|| "sip:{number}@{address}".to_owned()),
        allow_destinations: r.texts(&key("allow_destinations")).unwrap_or_default(),
        refer: refer(r, at),
        caller_id: r.text(&key("caller_id"), NAME_MAX),
        organisation: r.parsed::<Uuid>(&key("organisation"), "UUID").map(OrganisationId),
    };
    r.rule(trunk.destination_template.contains("{number}"), &key("destination_template"), || "must contain {number}".to_owned());
    r.rule(trunk.password.is_none() || trunk.username.is_some(), &key("username"), || "is required where password_file is set".to_owned());
    r.rule(!trunk.sources.is_empty() || trunk.address.is_some(), &key("sources"), || {
        "a trunk needs sources (calls from it), an address (calls to it), or both".to_owned()
    });
    let plain = |user: &String| user.chars().all(|c| c.is_ascii_alphanumeric() || "+-._*#".contains(c));
    r.rule(trunk.caller_id.as_ref().is_none_or(plain), &key("caller_id"), || {
        "is the user part of a SIP address: letters, digits and + - . _ * #".to_owned()
    });
    trunk
}

const REFER_MODES: [(&str, ReferMode); 3] =
    [("works", ReferMode::Works), ("accepts_without_notify", ReferMode::AcceptsWithoutNotify), ("refuses", ReferMode::Refuses)];

fn refer(r: &mut Reader<'_>, at: &str) -> ReferProfile {
    let key = |name: &str| format!("{at}.{name}");
    let d = ReferProfile::default();
    let refer = ReferProfile {
        mode: r.word(&key("refer"), &REFER_MODES, d.mode),
        bridge_on_failure: r.boolean(&key("bridge_on_failure")).unwrap_or(d.bridge_on_failure),
        replaces: r.boolean(&key("replaces")).unwrap_or(d.replaces),
        header: r.text(&key("transfer_header"), NAME_MAX),
        referred_by: r.boolean(&key("referred_by")).unwrap_or(d.referred_by),
    };
    let usable = |name: &String| {
        let known = ["user-to-user", "subject"].contains(&name.to_ascii_lowercase().as_str());
        known || (name.len() > 2 && name[..2].eq_ignore_ascii_case("X-") && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
    };
    r.rule(refer.header.as_ref().is_none_or(usable), &key("transfer_header"), || {
        "must be User-to-User, Subject or a name that begins with X-".to_owned()
    });
    refer
}

fn transfer(r: &mut Reader<'_>) -> Transfer {
    let d = Transfer::default();
    Transfer {
        attempts_per_hour: r.count("transfer.attempts_per_hour", 0..=100_000, d.attempts_per_hour),
        attempts_per_call: r.count("transfer.attempts_per_call", 0..=100, d.attempts_per_call),
        hold_music: r.path("transfer.hold_music"),
    }
}

fn media(r: &mut Reader<'_>) -> Media {
    let d = Media::default();
    let port = |r: &mut Reader<'_>, key, default: u16| u16::try_from(r.integer(key, 1_024..=65_535, u64::from(default))).unwrap_or(default);
    Media {
        address: r.parsed("media.address", ADDRESS),
        ports: (port(r, "media.first_port", d.ports.0), port(r, "media.last_port", d.ports.1)),
        timeout: r.seconds("media.timeout_seconds", 1..=600, d.timeout),
        quarantine: r.seconds("media.quarantine_seconds", 0..=600, d.quarantine),
        codecs: codecs(r, d.codecs),
    }
}

/// What the media plane speaks.
const CODECS: [(&str, AudioCodec); 3] = [("PCMU", AudioCodec::Pcmu), ("PCMA", AudioCodec::Pcma), ("G722", AudioCodec::G722)];

fn codecs(r: &mut Reader<'_>, default: Vec<AudioCodec>) -> Vec<AudioCodec> {
    const KEY: &str = "media.codecs";
    let Some(names) = r.texts(KEY) else { return default };
    let allowed: Vec<&str> = CODECS.iter().map(|(name, _)| *name).collect();
    let mut chosen = Vec::new();
    for name in &names {
        let known = CODECS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, codec)| *codec);
        r.rule(known.is_some(), KEY, || format!("{name:?} is not spoken here; allowed are {}", allowed.join(", ")));
        r.rule(known.is_none_or(|codec| !chosen.contains(&codec)), KEY, || format!("{name} stands twice in it"));
        chosen.extend(known);
    }
    r.rule(!names.is_empty(), KEY, || format!("must name at least one of {}", allowed.join(", ")));
    chosen
}

fn api(r: &mut Reader<'_>) -> Api {
    let d = Api::default();
    Api {
        listen: r.parsed::<SocketAddr>("api.listen", SOCKET).unwrap_or(d.listen),
        metrics_open: r.boolean("api.metrics_open"),
        requests_per_minute: r.count("api.requests_per_minute", 0..=1_000_000, d.requests_per_minute),
        burst: r.count("api.burst", 1..=100_000, d.burst),
        keys: r.tables("api.key").iter().map(|at| api_key(r, at)).collect(),
    }
}

fn api_key(r: &mut Reader<'_>, at: &str) -> ApiKey {
    let key = |name: &str| format!("{at}.{name}");
    let name = r.required_text(&key("name"), NAME_MAX);
    let organisation = r.parsed::<Uuid>(&key("organisation"), "UUID").map_or(Worker::default().organisation, OrganisationId);
    let written = r.text(&key("sha256"), NAME_MAX).and_then(|text| {
        let digest = hex_digest(&text);
        r.rule(digest.is_some(), &key("sha256"), || "must be 64 hexadecimal digits: the SHA-256 of the key".to_owned());
        digest
    });
    let from_file = r.secret_file(&key("key_file")).map(|secret| <[u8; 32]>::from(Sha256::digest(secret.expose().as_bytes())));
    if written.is_some() == from_file.is_some() && !r.faults.iter().any(|fault| fault.key.starts_with(at)) {
        r.fault(at, "needs exactly one of sha256 and key_file");
    }
    ApiKey { name, organisation, sha256: Redacted::new(written.or(from_file).unwrap_or_default()) }
}

fn hex_digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0_u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(digest)
}

fn recording(r: &mut Reader<'_>) -> Recording {
    let d = Recording::default();
    let modes = [
        ("off", RecordingMode::Off),
        ("masked", RecordingMode::Masked),
        ("full", RecordingMode::Full),
        ("encrypted", RecordingMode::Encrypted),
    ];
    let mode = r.word("recording.mode", &modes, d.mode);
    let secret = r.secret_file("recording.key_file");
    let faulty = r.faults.iter().any(|fault| fault.key == "recording.key_file");
    let key = secret.and_then(|secret| {
        let read = SealKey::parse(secret.expose());
        read.map_err(|error| r.fault("recording.key_file", format!("the file holds {error}"))).ok()
    });
    let audio = r.boolean("recording.audio").unwrap_or(d.audio);
    if mode == RecordingMode::Encrypted {
        r.rule(key.is_some() || faulty, "recording.key_file", || {
            "recording.mode = \"encrypted\" needs the file of a key; make one with `openssl rand -hex 32`".to_owned()
        });
        r.rule(!audio, "recording.audio", || {
            "a WAV is not encrypted and would lie open beside the encrypted recording; leave it out, or write recording.mode = \"full\""
                .to_owned()
        });
    }
    Recording {
        mode,
        directory: r.path("recording.directory"),
        key,
        audio,
        max_bytes: r.integer("recording.max_bytes", (64 << 10)..=(1 << 30), d.max_bytes),
        retention_days: r.count("recording.retention_days", 0..=3_650, d.retention_days),
        scrub: r.boolean("recording.scrub").unwrap_or(d.scrub),
    }
}

fn store(r: &mut Reader<'_>) -> Store {
    let d = Store::default();
    Store { sqlite: r.path("store.sqlite"), busy_timeout: r.millis("store.busy_timeout_ms", 100..=60_000, d.busy_timeout) }
}

fn assistants(r: &mut Reader<'_>) -> Assistants {
    let d = Assistants::default();
    Assistants {
        directory: r.path("assistants.directory").unwrap_or(d.directory),
        default: r.text("assistants.default", NAME_MAX).unwrap_or(d.default),
        routes: r.tables("assistants.route").iter().map(|at| route(r, at)).collect(),
    }
}

fn chat(r: &mut Reader<'_>) -> Chat {
    let d = Chat::default();
    let hours = r.count("chat.expire_hours", 1..=8_760, u32::try_from(d.expire.0 / 3_600_000).unwrap_or(24));
    Chat {
        live_max: r.count("chat.live_max", 1..=100_000, d.live_max),
        idle: r.seconds("chat.idle_seconds", 10..=86_400, d.idle),
        expire: Millis::from_secs(u64::from(hours) * 3_600),
        turn: r.seconds("chat.turn_seconds", 1..=600, d.turn),
    }
}

fn route(r: &mut Reader<'_>, at: &str) -> Route {
    Route {
        number: r.required_text(&format!("{at}.number"), NAME_MAX),
        assistant: r.required_text(&format!("{at}.assistant"), NAME_MAX),
        trunk: r.text(&format!("{at}.trunk"), NAME_MAX),
    }
}

fn deadlines(r: &mut Reader<'_>) -> Deadlines {
    let d = Deadlines::default();
    let bridged = r.millis("deadlines.bridged_ms", 60_000..=86_400_000, d.bridged);
    let mut span = |name: &str, default: Millis| r.millis(&format!("deadlines.{name}_ms"), 100..=600_000, default);
    Deadlines {
        bridged,
        classify: span("classify", d.classify),
        compose: span("compose", d.compose),
        briefing: span("briefing", d.briefing),
        waiting_reminder: span("waiting_reminder", d.waiting_reminder),
        approval: span("approval", d.approval),
        human: span("human", d.human),
        turn: span("turn", d.turn),
        acknowledge: span("acknowledge", d.acknowledge),
        utterance: span("utterance", d.utterance),
        release: span("release", d.release),
        close: span("close", d.close),
        refer_answer: span("refer_answer", d.refer_answer),
        refer_notify: span("refer_notify", d.refer_notify),
        refer_total: span("refer_total", d.refer_total),
        greeting: span("greeting", d.greeting),
        setup: span("setup", d.setup),
        last_words: span("last_words", d.last_words),
    }
}

fn telemetry(r: &mut Reader<'_>) -> Telemetry {
    let d = Telemetry::default();
    let level = r.text("telemetry.level", 1_024).unwrap_or(d.level);
    r.rule(level.parse::<tracing_subscriber::filter::Targets>().is_ok(), "telemetry.level", || {
        format!("{level:?} is no filter; write info, or voice_worker=debug,info")
    });
    Telemetry {
        format: r.word("telemetry.format", &[("text", LogFormat::Text), ("json", LogFormat::Json)], d.format),
        level,
        otlp_endpoint: models::optional_url(r, "telemetry.otlp.endpoint"),
        otlp_token: models::secret(r, "telemetry.otlp.token_file"),
    }
}

fn rules(r: &mut Reader<'_>, s: &Settings) {
    r.rule(!s.sip.udp.is_empty() || !s.sip.tcp.is_empty(), "sip.udp", || {
        "sip.udp and sip.tcp are both empty; no call could come".to_owned()
    });
    r.rule(s.sip.t1 <= s.sip.t2, "sip.t2_ms", || format!("must be at least t1_ms ({})", s.sip.t1.0));
    r.rule(s.sip.session_expires.0 == 0 || s.sip.session_expires >= s.sip.min_session_expires, "sip.session_expires_seconds", || {
        format!("must be 0 or at least min_session_expires_seconds ({})", s.sip.min_session_expires.0 / 1_000)
    });
    let (first, last) = s.media.ports;
    let ports = u32::from(last).saturating_sub(u32::from(first)) + 1;
    r.rule(first % 2 == 0, "media.first_port", || format!("{first} must be even: RTP takes the even port and RTCP the odd one after it"));
    // Two legs a call while it is transferred, two ports a leg.
    r.rule(first < last && ports / 4 >= s.worker.max_calls, "media.last_port", || {
        format!("{first}..={last} is too small: {} calls need {} ports", s.worker.max_calls, s.worker.max_calls.saturating_mul(4))
    });
    r.rule(!s.api.keys.is_empty() || s.api.listen.ip().to_canonical().is_loopback(), "api.listen", || {
        format!("{} can be reached by others and no [[api.key]] is configured; add one or listen on 127.0.0.1", s.api.listen)
    });
    let answered = Millis(s.sip.t1.0.saturating_mul(64));
    for (key, span) in [
        ("deadlines.acknowledge_ms", s.deadlines.acknowledge),
        ("deadlines.release_ms", s.deadlines.release),
        ("deadlines.refer_answer_ms", s.deadlines.refer_answer),
    ] {
        r.rule(span > answered, key, || format!("must be more than 64*t1_ms ({}), which is SIP's own deadline", answered.0));
    }
    r.rule(s.deadlines.refer_notify <= s.deadlines.refer_total, "deadlines.refer_total_ms", || {
        format!("must be at least refer_notify_ms ({})", s.deadlines.refer_notify.0)
    });
    models::rules(r, s);
    super::speech::rules(r, s);
    unique(r, "trunk", s.trunks.iter().map(|trunk| trunk.name.as_str()));
    unique(r, "api.key", s.api.keys.iter().map(|key| key.name.as_str()));
    for (index, route) in s.assistants.routes.iter().enumerate() {
        let known = route.trunk.as_ref().is_none_or(|name| s.trunks.iter().any(|trunk| trunk.name == *name));
        r.rule(known, &format!("assistants.route[{index}].trunk"), || "no [[trunk]] has this name".to_owned());
    }
}

fn unique<'a>(r: &mut Reader<'_>, table: &str, names: impl Iterator<Item = &'a str>) {
    let mut seen = Vec::new();
    for (index, name) in names.enumerate() {
        r.rule(!seen.contains(&name), &format!("{table}[{index}].name"), || format!("{name:?} is the name of another [[{table}]]"));
        seen.push(name);
    }
}
