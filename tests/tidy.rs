//! The style as a test: sizes, words that may not stay, and a README whose map is true.

use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
/// A file's own tests move to a sibling `tests.rs` once they pass this.
const INLINE_TEST_LINES_MAX: usize = 150;

/// `path::function` of every function over the limit. May only shrink.
const LONG_FUNCTIONS: &[&str] = &[];
/// Files over the limit. May only shrink.
const LONG_FILES: &[&str] = &[];

#[test]
fn files_stay_within_their_limit() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(path, text)| text.lines().count() > FILE_LINES_MAX && !LONG_FILES.contains(&path.as_str()))
        .map(|(path, text)| format!("{path}: {} lines, at most {FILE_LINES_MAX}: split it", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

#[test]
fn inline_tests_move_out_when_they_grow() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with("src/"))
        .filter_map(|(path, text)| {
            let start = text.find("#[cfg(test)]\nmod tests {")?;
            let lines = text[start..].lines().count();
            (lines > INLINE_TEST_LINES_MAX).then(|| format!("{path}: {lines} lines of tests inline, move them to a sibling tests.rs"))
        })
        .collect();
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

#[test]
fn functions_stay_within_their_limit() {
    let mut faults = Vec::new();
    let mut seen = Vec::new();
    for (path, text) in sources() {
        for (name, line, length) in functions(&text) {
            if length > FUNCTION_LINES_MAX {
                let key = format!("{path}::{name}");
                if !LONG_FUNCTIONS.contains(&key.as_str()) {
                    faults.push(format!("{path}:{line}: fn {name} has {length} lines, at most {FUNCTION_LINES_MAX}"));
                }
                seen.push(key);
            }
        }
    }
    for known in LONG_FUNCTIONS {
        if !seen.iter().any(|key| key == known) {
            faults.push(format!("{known} is short enough now: take it off the list"));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn nothing_unfinished_or_machine_bound_stays() {
    let banned = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("X", "XX"),
        concat!("unimplemented", "!("),
        concat!("/", "work/"),
        concat!("/", "farm/"),
    ];
    let mut faults = Vec::new();
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for word in banned {
                if line.contains(word) {
                    faults.push(format!("{path}:{}: `{word}`", number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn tests_do_not_sleep() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let test_code = path.starts_with("tests/") || path.ends_with("tests.rs");
        for (number, line) in text.lines().enumerate() {
            if test_code && (line.contains("thread::sleep(") || line.contains("time::sleep(")) && !line.contains("// bounded poll") {
                faults.push(format!("{path}:{}: a test waits on a condition, it does not sleep", number + 1));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_map_in_the_readme_names_every_module() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md is there");
    for entry in fs::read_dir(root().join("src")).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            let name = format!("{}/", path.file_name().expect("a folder has a name").to_string_lossy());
            assert!(readme.contains(&name), "README.md's map of src does not name {name}");
        }
    }
}

#[test]
fn every_module_opens_with_what_it_is() {
    for (path, text) in sources() {
        if path.starts_with("src/") {
            assert!(text.starts_with("//!"), "{path} does not open with a `//!` line that says what it is for");
        }
    }
}

#[test]
fn the_measure_of_functions_measures() {
    let planted = "fn short() {\n    1\n}\n\nimpl X {\n    pub async fn longer(\n        &self,\n    ) -> u8 {\n        2\n    }\n}\n";
    assert_eq!(functions(planted), [("short".to_owned(), 1, 3), ("longer".to_owned(), 6, 5)]);
}

/// (name, first line, lines) of every function with a body, by the indentation rustfmt guarantees.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let head = body.split("fn ").next().unwrap_or_default();
        let is_function = body.contains("fn ")
            && head.split_whitespace().all(|word| matches!(word, "pub" | "pub(crate)" | "pub(super)" | "const" | "async" | "unsafe"));
        if !is_function || body.ends_with('}') || body.ends_with(';') {
            continue;
        }
        let indent = line.len() - body.len();
        let closing = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[start..].iter().position(|candidate| *candidate == closing) {
            let name = body.split("fn ").nth(1).unwrap_or_default();
            let name: String = name.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect();
            found.push((name, start + 1, length + 1));
        }
    }
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of the project: path below the root, text.
fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "fuzz"] {
        walk(&root().join(folder), &mut files);
    }
    files
        .into_iter()
        .map(|file| {
            let below = file.strip_prefix(root()).expect("walked from the root").to_string_lossy().into_owned();
            (below, fs::read_to_string(&file).expect("sources are readable UTF-8"))
        })
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("the tree is readable").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            walk(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}
