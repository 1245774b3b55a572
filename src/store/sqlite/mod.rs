//! The store on one SQLite file: write-ahead log, one connection that writes, a few that read.
//!
//! `synchronous = NORMAL`: what was acknowledged survives a killed worker; a power cut may lose the last moments, which the calls' journals on
//! disk still hold.

mod after;
mod batch;
mod chats;
mod conversations;
mod people;
mod read;
mod transcripts;
mod upkeep;

use super::StoreError;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqlStr, Sqlite, Transaction};
use std::path::PathBuf;
use std::time::Duration;

/// Where the file is and how patient we are with other users of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteConfig {
    /// Created if missing, for this user alone; its directory too.
    pub path: PathBuf,
    /// How long a statement waits for another process's lock.
    pub busy_timeout: Duration,
    /// Connections that read at the same time, 1 or more.
    pub readers: u32,
}

impl SqliteConfig {
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), busy_timeout: Duration::from_secs(5), readers: 4 }
    }
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    write: SqlitePool,
    read: SqlitePool,
}

impl SqliteStore {
    /// Opens the file and brings its tables to this version.
    pub async fn open(config: &SqliteConfig) -> Result<Self, StoreError> {
        let place = config.path.display().to_string();
        let open_failed = |source: sqlx::Error| StoreError::Open { place: place.clone(), source };
        if let Some(parent) = config.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            tokio::fs::create_dir_all(parent).await.map_err(|error| open_failed(sqlx::Error::Io(error)))?;
        }
        let mut private = tokio::fs::OpenOptions::new();
        // Words of callers are in it, and SQLite gives its journals the file's own mode.
        private.read(true).append(true).create(true).mode(0o600);
        private.open(&config.path).await.map_err(|error| open_failed(sqlx::Error::Io(error)))?;
        let options = SqliteConnectOptions::new()
            .filename(&config.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(config.busy_timeout);
        let patience = config.busy_timeout + Duration::from_secs(1);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            // SQLite ends a transaction by itself when the disk is full, and the connection goes on counting it as open: it would refuse every
            // later one. The test before each use has let the rollback of an ended transaction happen; who still counts one is replaced.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .acquire_timeout(patience)
            .connect_with(options.clone())
            .await
            .map_err(open_failed)?;
        migrations().run(&write).await.map_err(|source| StoreError::Migrate { place: place.clone(), source })?;
        let read = SqlitePoolOptions::new()
            .max_connections(config.readers.max(1))
            .acquire_timeout(patience)
            .connect_with(options.create_if_missing(false).read_only(true))
            .await
            .map_err(open_failed)?;
        Ok(Self { write, read })
    }

    /// Waits for running statements and lets the file go; later operations answer [`StoreError::Unavailable`].
    pub async fn shut(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    async fn begin(&self, doing: &'static str) -> Result<Transaction<'static, Sqlite>, StoreError> {
        // IMMEDIATE: the lock is taken now, under the busy timeout, and not in the middle, where SQLite refuses at once.
        self.write.begin_with("BEGIN IMMEDIATE").await.map_err(|source| StoreError::during(doing, source))
    }
}

fn migrations() -> Migrator {
    let steps =
        [("first", include_str!("../migrations/0001_first.sql")), ("conversations", include_str!("../migrations/0002_conversations.sql"))];
    let numbered = (1_i64..)
        .zip(steps)
        .map(|(number, (name, sql))| Migration::new(number, name.into(), MigrationType::Simple, SqlStr::from_static(sql), false));
    Migrator::with_migrations(numbered.collect())
}
