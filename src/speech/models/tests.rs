//! Tests of models.

use super::*;

#[test]
fn an_empty_directory_lacks_every_file_and_says_how_to_get_them() {
    let dir = tempfile::tempdir().unwrap();
    let state = check(dir.path());
    assert!(!state.is_whole());
    assert!(state.files.iter().all(|(_, state)| *state == FileState::Missing));
    let error = state.require_whole().unwrap_err();
    assert_eq!(error, SpeechError::MissingModel { file: "hibari/hibari.onnx".to_owned(), dir: dir.path().to_owned() });
    assert!(error.to_string().contains("make models"), "{error}");
    assert!(state.to_string().contains("0 of 8 files whole"), "{state}");
}

#[test]
fn a_damaged_file_is_told_from_a_missing_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("hibari")).unwrap();
    std::fs::write(dir.path().join(manifest::VOICE), "half a voice").unwrap();
    let state = check(dir.path());
    assert!(matches!(state.files[0].1, FileState::Damaged { .. }));
    assert!(matches!(ModelPaths::of(&state), Err(SpeechError::DamagedModel { .. })));
}

#[test]
fn a_hash_is_that_of_the_whole_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("abc");
    std::fs::write(&path, "abc").unwrap();
    assert_eq!(hash_of(&path).unwrap(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn every_pin_is_a_sha256_and_every_file_is_named_once() {
    let mut files = std::collections::BTreeSet::new();
    for package in &manifest::PACKAGES {
        assert!(package.requirement.contains("=="));
        for pin in std::iter::once(package.sha256).chain(package.makes.iter().map(|made| made.sha256)) {
            assert_eq!(pin.len(), 64);
            assert!(pin.bytes().all(|byte| byte.is_ascii_hexdigit()), "{pin}");
        }
        for made in package.makes {
            assert!(files.insert(made.file), "{}", made.file);
        }
    }
}
