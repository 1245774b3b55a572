//! A whole worker in this process, without calls: its API, its store and its configuration are the real ones.

use reqwest::Method;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use voice_worker::host;
use voice_worker::model::Millis;
use voice_worker::settings;

pub(crate) const KEY: &str = "key-of-ours";
pub(crate) const THEIR_KEY: &str = "key-of-theirs";

/// The folder outlives a worker: another one may be started on it.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    more: String,
}

pub(crate) struct Worker {
    worker: host::Worker,
    client: reqwest::Client,
}

impl Site {
    /// `more`: lines of the configuration's further tables.
    pub(crate) fn new(assistant: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("assistants")).unwrap();
        let site = Self { folder, more: more.to_owned() };
        site.assistant(assistant);
        site
    }

    pub(crate) fn assistant(&self, text: &str) {
        fs::write(self.path().join("assistants/desk.toml"), text).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn start(&self) -> Worker {
        let root = self.path().display();
        for (name, key) in [("ours", KEY), ("theirs", THEIR_KEY)] {
            fs::write(self.path().join(name), key).unwrap();
        }
        let text = format!(
            "[worker]\nstate_dir = \"{root}/state\"\nmax_calls = 4\n[sip]\nudp = [\"127.0.0.1:0\"]\ntcp = [\"127.0.0.1:0\"]\n\
             [media]\naddress = \"127.0.0.1\"\nfirst_port = 29000\nlast_port = 29099\n[speech]\nengine = \"scripted\"\n\
             [api]\nlisten = \"127.0.0.1:0\"\nrequests_per_minute = 0\n\
             [[api.key]]\nname = \"ours\"\nkey_file = \"{root}/ours\"\n\
             [[api.key]]\nname = \"theirs\"\norganisation = \"00000000-0000-0000-0000-0000000000bb\"\nkey_file = \"{root}/theirs\"\n\
             [assistants]\ndirectory = \"{root}/assistants\"\ndefault = \"desk\"\n{more}",
            more = self.more,
        );
        let settings = settings::parse(None, &text, []).unwrap_or_else(|faults| panic!("{faults}"));
        let worker = host::Worker::start(settings::compose(&settings).unwrap()).await.unwrap();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
        Worker { worker, client }
    }
}

impl Worker {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.worker.api_address())
    }

    pub(crate) fn request(&self, key: &str, method: Method, path: &str, body: Option<&Value>) -> reqwest::RequestBuilder {
        let request = self.client.request(method, self.url(path)).header("x-api-key", key);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    pub(crate) async fn ask_as(&self, key: &str, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let response = self.request(key, method, path, body).send().await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask_as(KEY, Method::POST, path, Some(&body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask_as(KEY, Method::GET, path, None).await
    }

    /// As a process that is told to end.
    pub(crate) async fn stop(self) {
        self.worker.drain(Millis(0), CancellationToken::new()).await;
        self.worker.stop().await;
    }
}
