//! Who may import whom: reads the sources and compares every `crate::…` path, grouped imports included, with the table of the rings.

use std::fs;
use std::path::{Path, PathBuf};

/// Module → what it may name besides itself. A `shell` below a pure module may name what its parent may.
const RINGS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("call", &["model"]),
    ("runtime", &["model"]),
    ("sip", &["model"]),
    ("media", &["model"]),
    ("replay", &["model", "call", "runtime"]),
    ("speech", &["model", "media"]),
    ("store", &["model"]),
    ("fleet", &["model", "store"]),
    ("telemetry", &["model"]),
    ("api", &["model", "store", "fleet"]),
    ("host", &["model", "call", "runtime", "sip", "media", "replay", "speech", "store", "fleet", "telemetry", "api"]),
    ("settings", &["model", "call", "runtime", "sip", "media", "speech", "store", "api", "telemetry", "host"]),
    ("cli", &["model", "call", "runtime", "sip", "media", "replay", "speech", "store", "fleet", "telemetry", "api", "host", "settings"]),
    ("main", &["cli"]),
    ("lib", &[]),
];

const PURE: &[&str] = &["model", "call", "runtime", "sip", "media", "replay"];

/// Words that have no place in a pure module: each one is a clock, a task, a socket or a file.
const BANNED_IN_PURE: &[&str] =
    &["tokio", "std::fs", "std::net::UdpSocket", "std::net::TcpStream", "std::net::TcpListener", "std::thread", ".await", "async fn"];

#[test]
fn arrows_point_down_only() {
    let mut faults = Vec::new();
    for (module, file, text) in sources() {
        let Some((_, allowed)) = RINGS.iter().find(|(name, _)| *name == module) else {
            faults.push(format!("{}: module `{module}` is not in the table of the rings", file.display()));
            continue;
        };
        for (line, target) in crate_paths(&text) {
            if target != module && !allowed.contains(&target.as_str()) {
                faults.push(format!("{}:{line}: `{module}` may not name `crate::{target}`", file.display()));
            }
        }
        if text.contains("super::super::") {
            faults.push(format!("{}: `super::super::` walks around this test; write `crate::…`", file.display()));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn pure_modules_know_no_clock_no_task_no_socket_no_file() {
    let mut faults = Vec::new();
    for (module, file, text) in sources() {
        if !PURE.contains(&module.as_str()) || in_shell(&file) || is_test(&file) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in BANNED_IN_PURE {
                if has_word(code, word) {
                    faults.push(format!("{}:{}: `{word}` in a pure module", file.display(), number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_pure_module_denies_the_unreproducible_types() {
    for module in PURE.iter().filter(|module| **module != "model") {
        let text = fs::read_to_string(root().join("src").join(module).join("mod.rs")).expect("every ring-1 module has a mod.rs");
        for lint in ["clippy::disallowed_types", "clippy::wildcard_enum_match_arm"] {
            assert!(text.contains("#![deny(") && text.contains(lint), "src/{module}/mod.rs does not deny {lint}");
        }
    }
}

#[test]
fn a_banned_word_is_found_and_a_longer_one_is_not() {
    assert!(has_word("socket.send().await?", ".await"));
    assert!(!has_word("self.awaits_answer()", ".await"));
    assert!(has_word("use tokio::net;", "tokio"));
}

#[test]
fn the_scanner_sees_grouped_and_inline_paths() {
    let planted = "use crate::{\n    host::Clock,\n    model::{CallTime, LegId},\n};\nfn f() { crate::api::serve(); }\n// crate::store is only a comment\n";
    let found: Vec<String> = crate_paths(planted).into_iter().map(|(_, target)| target).collect();
    assert_eq!(found, ["host", "model", "api"]);
}

/// Every `crate::x` of a source with its line; looks inside braces, skips line comments and `pub(in crate::…)`.
fn crate_paths(text: &str) -> Vec<(usize, String)> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count() + 1;
        if code[..at].ends_with('$') || code[..at].ends_with("in ") {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(heads_of_group(group).into_iter().map(|head| (line, head)));
        } else {
            found.push((line, ident(rest)));
        }
    }
    found
}

fn heads_of_group(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut at_start) = (0_usize, Vec::new(), true);
    for (index, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            other if at_start && !other.is_whitespace() => {
                heads.push(ident(&group[index..]));
                at_start = false;
            }
            _ => {}
        }
    }
    heads
}

fn ident(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

/// `word`, and not only the beginning of a longer one (`.await` is not `.awaits_answer`).
fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| !code[at + word.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_'))
}

/// Tests of pure modules may read fixtures.
fn is_test(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "tests.rs") || file.components().any(|part| part.as_os_str() == "tests")
}

fn in_shell(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "shell") || file.file_name().is_some_and(|name| name == "shell.rs")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// (top-level module, path below the root, text) of every source file.
fn sources() -> Vec<(String, PathBuf, String)> {
    let mut files = Vec::new();
    walk(&root().join("src"), &mut files);
    assert!(files.len() > 10, "the walk found only {} files", files.len());
    files
        .into_iter()
        .map(|file| {
            let below = file.strip_prefix(root().join("src")).expect("walked from src").to_path_buf();
            let first = below.components().next().expect("a file has a name").as_os_str().to_string_lossy().into_owned();
            let text = fs::read_to_string(&file).expect("sources are readable UTF-8");
            (first.trim_end_matches(".rs").to_owned(), Path::new("src").join(below), text)
        })
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}
