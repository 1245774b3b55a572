//! The annotated reference says what the worker does, and every fault of a configuration is found before anything starts.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

use std::fs;
use std::path::Path;
use voice_worker::model::Millis;
use voice_worker::settings::{self, ReferMode, ReferProfile, Settings, SettingsErrors};
use voice_worker::sip::trunk::AllowList;

const REFERENCE: &str = include_str!("../config/worker.toml");

fn parse(text: &str) -> Result<Settings, SettingsErrors> {
    settings::parse(Some(Path::new("w.toml")), text, [])
}

fn faults(text: &str) -> Vec<String> {
    parse(text).unwrap_err().0.iter().map(ToString::to_string).collect()
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_reference_says_exactly_what_a_worker_without_a_file_does() {
    assert_eq!(parse(REFERENCE).unwrap_or_else(|faults| panic!("{faults}")), Settings::default());
    assert_eq!(settings::load(None, []).unwrap(), Settings::default());
}

/// The reference with its examples switched on.
fn with_examples() -> String {
    let uncomment = |line: &str| {
        let rest = line.strip_prefix("# ")?;
        let key = rest.split('=').next()?.trim();
        let is_key = rest.contains(" = ") && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit());
        (is_key || rest.starts_with("[[")).then(|| rest.to_owned())
    };
    REFERENCE.lines().map(|line| uncomment(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

#[test]
fn every_key_stands_in_the_reference_and_nothing_else_does() {
    let table: toml::Table = with_examples().parse().unwrap();
    let mut written = std::collections::BTreeSet::new();
    note("", &toml::Value::Table(table), &mut written);
    assert_eq!(written, settings::known_keys(), "left: config/worker.toml, right: the worker");
}

fn note(path: &str, value: &toml::Value, written: &mut std::collections::BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                note(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, value, written);
            }
        }
        toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
            written.insert(path.to_owned());
            items.iter().for_each(|item| note(&format!("{path}[]"), item, written));
        }
        _ => {
            written.insert(path.to_owned());
        }
    }
}

#[test]
fn the_examples_of_the_reference_are_valid() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("carrier-password"), "s3cret\n").unwrap();
    fs::write(dir.path().join("api-key"), "k").unwrap();
    fs::write(dir.path().join("crm-key"), "k2").unwrap();
    fs::write(dir.path().join("otlp-token"), "k3").unwrap();
    // The reference shows both ways to give a key; one call can take only one.
    let text: String = with_examples().lines().filter(|line| !line.starts_with("key_file")).map(|line| format!("{line}\n")).collect();
    let credentials = env(&[("CREDENTIALS_DIRECTORY", dir.path().to_str().unwrap())]);
    let settings = settings::parse(None, &text, credentials).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(settings.trunks[0].password.as_ref().unwrap().expose(), "s3cret");
    assert_eq!(settings.api.keys[0].name, "console");
    assert_eq!((settings.models[0].role.as_str(), settings.secrets[0].value.expose().as_str()), ("main", "k2"));
    let allowed = &settings.trunks[0].allow_destinations;
    assert!(!AllowList::parse(allowed).unwrap_or_else(|error| panic!("{error}")).is_empty());
    assert_eq!(settings.assistants.routes[0].trunk.as_deref(), Some("carrier"));
}

#[test]
fn a_trunk_says_what_its_refer_is_like_and_a_bad_hold_music_names_its_file() {
    let text = "[[trunk]]\nname = \"a\"\naddress = \"h\"\nrefer = \"refuses\"\nbridge_on_failure = true\nreplaces = true\n\
                transfer_header = \"X-Why\"\nreferred_by = false\ncaller_id = \"+4930\"\n[transfer]\nhold_music = \"/nonexistent/hold.wav\"\n";
    let settings = settings::parse(None, text, env(&[])).unwrap_or_else(|faults| panic!("{faults}"));
    let ReferProfile { mode, bridge_on_failure, replaces, header, referred_by } = settings.trunks[0].refer.clone();
    assert_eq!((mode, bridge_on_failure, replaces, referred_by), (ReferMode::Refuses, true, true, false));
    assert_eq!((header.as_deref(), settings.trunks[0].caller_id.as_deref()), (Some("X-Why"), Some("+4930")));
    let refused = settings::compose(&settings).map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("transfer.hold_music /nonexistent/hold.wav"), "{refused}");
}

#[test]
fn every_fault_is_reported_at_once_with_its_line_and_what_is_allowed() {
    let found =
        faults("[worker]\nmax_calls = 0\n[sip]\nt1_ms = \"x\"\nudp = [\"0.0.0.0:5060\", \"nowhere\"]\n\n[media]\ntimeout_second = 3\n");
    assert_eq!(
        found,
        [
            "w.toml:2: worker.max_calls: 0 is out of range; allowed is a whole number in 1..=10000",
            "w.toml:5: sip.udp[1]: \"nowhere\" is no socket address; write 192.0.2.1:5060 or [2001:db8::1]:5060: invalid socket address syntax",
            "w.toml:4: sip.t1_ms: \"x\" is no whole number; allowed is a whole number in 50..=5000",
            "w.toml:8: media.timeout_second: this key is not known; did you mean media.timeout_seconds?",
        ]
    );
}

#[test]
fn an_unknown_section_is_refused_with_the_one_that_was_meant() {
    assert_eq!(faults("[medai]\ntimeout_seconds = 3\n"), ["w.toml:1: medai: this key is not known; did you mean media?"]);
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    let found = faults("[worker]\nname = \n");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("w.toml:2: "), "{found:?}");
}

#[test]
fn a_missing_file_is_named() {
    let error = settings::load(Some(Path::new("/nonexistent/w.toml")), []).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/w.toml: the configuration file cannot be read"), "{error}");
}

#[test]
fn the_environment_overrides_the_file_and_is_named_when_it_is_wrong() {
    let text = "[media]\ntimeout_seconds = 40\n[[trunk]]\nname = \"a\"\naddress = \"old\"\n";
    let over = env(&[
        ("VOICE_WORKER__MEDIA__TIMEOUT_SECONDS", "20"),
        ("VOICE_WORKER__TRUNK__0__ADDRESS", "new"),
        ("VOICE_WORKER__SIP__UDP", "127.0.0.1:1, 127.0.0.1:2"),
        ("VOICE_WORKER__RECORDING__AUDIO", "true"),
        ("VOICE_WORKER__WORKER__NAME", "7"),
        ("OTHER", "x"),
    ]);
    let settings = settings::parse(None, text, over).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(settings.media.timeout, Millis::from_secs(20));
    assert_eq!(settings.trunks[0].address.as_deref(), Some("new"));
    assert_eq!(settings.sip.udp.len(), 2);
    assert!(settings.recording.audio);
    assert_eq!(settings.worker.name, "7");

    let wrong = env(&[("VOICE_WORKER__MEDIA__TIMEOUT_SECONDS", "soon"), ("VOICE_WORKER__MEDIA__PORT", "1")]);
    let faults = settings::parse(Some(Path::new("w.toml")), text, wrong).unwrap_err().to_string();
    assert!(
        faults.contains("environment VOICE_WORKER__MEDIA__TIMEOUT_SECONDS: media.timeout_seconds: \"soon\" is no whole number"),
        "{faults}"
    );
    assert!(faults.contains("environment VOICE_WORKER__MEDIA__PORT: media.port: this key is not known"), "{faults}");
}

#[test]
fn an_api_off_loopback_without_a_key_is_refused() {
    let found = faults("[api]\nlisten = \"0.0.0.0:8080\"\n");
    assert_eq!(
        found,
        ["w.toml:2: api.listen: 0.0.0.0:8080 can be reached by others and no [[api.key]] is configured; add one or listen on 127.0.0.1"]
    );
}

#[test]
fn rules_between_keys_are_checked() {
    let one = |text: &str, part: &str| {
        let found = faults(text);
        assert!(found.len() == 1 && found[0].contains(part), "{text}: {found:?}");
    };
    one("[media]\nfirst_port = 10001\nlast_port = 20000\n", "must be even");
    one("[media]\ncodecs = [\"PCMU\", \"opus\"]\n", "\"opus\" is not spoken here; allowed are PCMU, PCMA, G722");
    one("[media]\ncodecs = [\"PCMU\", \"pcmu\"]\n", "stands twice");
    one("[media]\ncodecs = []\n", "must name at least one of PCMU, PCMA, G722");
    one("[media]\nfirst_port = 10000\nlast_port = 10099\n", "200 calls need 800 ports");
    one(
        "[sip]\nt1_ms = 1000\nt2_ms = 900\n[deadlines]\nacknowledge_ms=70000\nrelease_ms=70000\nrefer_answer_ms=70000\n",
        "at least t1_ms (1000)",
    );
    one("[deadlines]\nrelease_ms = 32000\n", "more than 64*t1_ms (32000)");
    one("[[trunk]]\nname = \"a\"\naddress = \"h\"\n[[trunk]]\nname = \"a\"\naddress = \"h\"\n", "is the name of another [[trunk]]");
    one("[[trunk]]\nname = \"a\"\n", "needs sources");
    one("[[trunk]]\nname = \"a\"\naddress = \"h\"\ndestination_template = \"sip:x\"\n", "must contain {number}");
    let trunk = "[[trunk]]\nname = \"a\"\naddress = \"h\"\n";
    one(&format!("{trunk}refer = \"sometimes\"\n"), "works");
    one(&format!("{trunk}transfer_header = \"Via\"\n"), "must be User-to-User, Subject or a name that begins with X-");
    one(&format!("{trunk}caller_id = \"a b\"\n"), "is the user part of a SIP address");
    one("[transfer]\nattempts_per_hour = 100001\n", "0..=100000");
    one("[transfer]\nattempts_per_call = 101\n", "0..=100");
    one("[[api.key]]\nname = \"a\"\n", "needs exactly one of sha256 and key_file");
    one("[[api.key]]\nname = \"a\"\nsha256 = \"12\"\n", "64 hexadecimal digits");
    one("[[assistants.route]]\nnumber = \"1\"\nassistant = \"a\"\ntrunk = \"b\"\n", "no [[trunk]] has this name");
    let model =
        |role: &str, more: &str| format!("[[model]]\nrole = \"{role}\"\nbase_url = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n{more}\n");
    one(&model("a", "fallback = [\"b\"]"), "\"b\" is the role of no [[model]]; there is: a");
    one(&model("a", "fallback = [\"a\"]"), "\"a\" would be asked twice");
    one(&(model("a", "") + &model("a", "")), "is the role of another [[model]]");
    one(&model("a", "request_ms = 1000"), "must be at least first_token_ms (6000) and idle_ms (4000)");
    one(&model("a", "temperature = 2.5"), "2.5 is out of range; allowed is a number in 0..=2");
    one("[[model]]\nrole = \"a\"\nmodel = \"m\"\nbase_url = \"ftp://h/v1\"\n", "only http and https URLs");
    one("[[model]]\nrole = \"a\"\nbase_url = \"http://h\"\n", "model[0].model: is required");
    one("[[secret]]\nname = \"a\"\n", "secret[0].file: is required");
    one("[telemetry]\nlevel = \"a=b=c\"\n", "is no filter");
    one("[sip]\nallow = [\"10.0.0.0/33\"]\n", "is no network");
}

#[test]
fn a_missing_secret_names_its_file_and_a_present_one_is_never_shown() {
    let found = faults("[[trunk]]\nname = \"a\"\naddress = \"h\"\nusername = \"u\"\npassword_file = \"/nonexistent/pw\"\n");
    assert!(found[0].starts_with("w.toml:5: trunk[0].password_file: the secret in /nonexistent/pw cannot be used"), "{found:?}");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pw");
    fs::write(&file, "hunter2\n").unwrap();
    let text = format!("[[trunk]]\nname = \"a\"\naddress = \"h\"\nusername = \"u\"\npassword_file = {:?}\n", file.to_str().unwrap());
    let settings = parse(&text).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));

    let model = "[[model]]\nrole = \"a\"\nbase_url = \"http://h/v1\"\nmodel = \"m\"\nkey_file";
    let text = format!("{model} = {file:?}\n[[secret]]\nname = \"s\"\nfile = {file:?}\n");
    let settings = parse(&text).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
    let composed = settings::compose(&settings).unwrap();
    assert_eq!(composed.runtime.roles["a"].key.as_ref().unwrap().expose(), "hunter2");
    assert!(!format!("{:?}", composed.runtime).contains("hunter2"));
    fs::write(&file, "two\nlines\n").unwrap();
    assert!(faults(&text).iter().all(|fault| fault.contains("no HTTP header can carry") && !fault.contains("two")));
}

#[test]
fn every_deadline_is_computed() {
    let lines = settings::computed_deadlines(&Settings::default());
    let of = |name: &str| lines.iter().find(|line| line.name.contains(name)).unwrap().span;
    assert_eq!(of("timers B, F"), Millis(32_000));
    assert_eq!(of("session refreshed"), Millis::from_secs(900));
    assert_eq!(of("TimeoutStopSec"), Millis::from_secs(344));
}

#[test]
fn a_network_contains_its_hosts_and_no_others() {
    let net: voice_worker::sip::acl::Cidr = "192.0.2.0/25".parse().unwrap();
    assert!(net.contains("192.0.2.127".parse().unwrap()) && net.contains("::ffff:192.0.2.1".parse().unwrap()));
    assert!(!net.contains("192.0.2.128".parse().unwrap()) && !net.contains("2001:db8::1".parse().unwrap()));
    let all: voice_worker::sip::acl::Cidr = "0.0.0.0/0".parse().unwrap();
    assert!(all.contains("203.0.113.9".parse().unwrap()));
}

#[test]
fn an_index_that_would_fill_the_memory_is_refused() {
    let faults = settings::parse(None, "", env(&[("VOICE_WORKER__TRUNK__99999999999__NAME", "x")])).unwrap_err().to_string();
    assert!(faults.contains("VOICE_WORKER__TRUNK__99999999999__NAME") && faults.contains("at most 999"), "{faults}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]
    #[test]
    fn no_text_makes_the_reader_panic(
        section in "(worker|sip|trunk|api|media|assistants|[a-z]{1,6})",
        array in proptest::bool::ANY,
        key in "(name|udp|key|route|listen|first_port|[a-z.\\[\\]\"]{1,8})",
        value in "(-?[0-9]{1,22}|[0-9.e]{1,9}|true|\"[^\"]{0,12}\"|\\[[0-9,\" ]{0,9}\\]|\\{\\}|[^\n]{0,12})",
    ) {
        let (open, close) = if array { ("[[", "]]") } else { ("[", "]") };
        let text = format!("{open}{section}{close}\n{key} = {value}\n");
        if let Err(faults) = parse(&text) {
            proptest::prop_assert!(!faults.0.is_empty() && faults.to_string().starts_with("w.toml"), "{}", faults);
        }
    }
}

#[test]
fn speech_lists_name_providers_that_can_do_it_and_the_machine_is_the_last() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("speech-key"), "k\n").unwrap();
    let provider =
        |name: &str, vendor: &str| format!("[[speech.provider]]\nname = \"{name}\"\nvendor = \"{vendor}\"\nkey_file = \"speech-key\"\n");
    let credentials = || env(&[("CREDENTIALS_DIRECTORY", dir.path().to_str().unwrap())]);
    let good = format!(
        "[speech]\nrecognizers = [\"flux\", \"local\"]\nsynthesizers = [\"eleven\", \"local\"]\n{}{}",
        provider("flux", "deepgram_flux"),
        provider("eleven", "elevenlabs")
    );
    let settings = settings::parse(None, &good, credentials()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(settings.speech.recognizers, ["flux", "local"]);
    assert!(!format!("{settings:?}").contains("\"k\""), "keys are in no debug output");
    for (wrong, key, part) in [
        ("[speech]\nrecognizers = []\n".to_owned(), "speech.recognizers", "1 to 4"),
        ("[speech]\nrecognizers = [\"nobody\"]\n".to_owned(), "speech.recognizers", "there is: local"),
        (format!("[speech]\nsynthesizers = [\"a\"]\n{}", provider("a", "deepgram_flux")), "speech.synthesizers", "speaks"),
        (format!("[speech]\nrecognizers = [\"local\", \"a\"]\n{}", provider("a", "openai")), "speech.recognizers", "must be the last"),
        (provider("local", "openai"), "speech.provider[0].name", "engines on this machine"),
        ("[[speech.provider]]\nname = \"a\"\nvendor = \"openai\"\n".to_owned(), "speech.provider[0].key_file", "is required"),
        ("[[speech.provider]]\nname = \"a\"\nvendor = \"acme\"\nurl = \"https://h\"\n".to_owned(), "speech.provider[0].vendor", "deepgram"),
        ("[[speech.provider]]\nname = \"a\"\nvendor = \"openai\"\nurl = \"h\"\n".to_owned(), "speech.provider[0].url", "scheme"),
        ("[speech]\nfirst_audio_ms = 10\n".to_owned(), "speech.first_audio_ms", "200..=10000"),
    ] {
        let found = settings::parse(None, &wrong, credentials()).unwrap_err();
        assert!(found.0.iter().any(|fault| fault.key == key && fault.to_string().contains(part)), "{wrong}: {found}");
    }
}
