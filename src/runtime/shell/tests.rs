//! The shell against the scripted server, fault by fault, over real sockets of this machine.

use super::scripted::{Script, ScriptedModel};
use super::*;
use crate::model::TurnId;
use crate::runtime::{AskReason, ChatMessage, HeaderPiece, HeaderValue, HttpMethod, ToolChoice};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;

/// Short enough for a test, long enough for a slow machine.
const SHORT: Millis = Millis(150);
const LONG: Millis = Millis(20_000);

#[derive(Default)]
struct Answers(Vec<Answer>);

impl Deliver for Answers {
    async fn deliver(&mut self, answer: Answer) {
        self.0.push(answer);
    }
}

impl Answers {
    fn spoken(&self) -> String {
        let texts = self.0.iter().filter_map(|answer| match &answer.body {
            AnswerBody::ModelDelta { text } => Some(text.expose().as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// The one answer that closes the question; nothing follows it.
    fn last(&self) -> &AnswerBody {
        let closing = self.0.iter().filter(|answer| !matches!(answer.body, AnswerBody::ModelDelta { .. })).count();
        assert_eq!(closing, 1, "{:?}", self.0);
        &self.0.last().unwrap().body
    }

    fn done(&self) -> &ModelAnswer {
        match self.last() {
            AnswerBody::ModelDone(done) => done,
            other => panic!("no whole answer: {other:?}"),
        }
    }

    fn why(&self) -> AskFailure {
        match self.last() {
            AnswerBody::Failed { why, detail, .. } => {
                assert!(!detail.contains("sesame") && !detail.contains("zanzibar"), "{detail}");
                *why
            }
            other => panic!("it did not fail: {other:?}"),
        }
    }
}

/// One server for as long as the test runs.
struct Bench {
    model: ScriptedModel,
    base_url: BaseUrl,
    serving: tokio::task::JoinSet<std::io::Result<()>>,
}

impl Bench {
    async fn new(script: &str) -> Self {
        let model = ScriptedModel::new(Script::parse(script).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(model.clone().serve(listener));
        Self { model, base_url, serving }
    }

    fn role(&self) -> ModelRole {
        ModelRole { key: Some("sesame".into()), first_token: LONG, idle: LONG, ..ModelRole::new(self.base_url.clone(), "m-1") }
    }

    fn shell(&self, role: ModelRole) -> RuntimeShell {
        shell([("main".to_owned(), role)])
    }

    async fn ask(&self, role: ModelRole, ask: Ask) -> (Answers, AskReport) {
        carry_out(&self.shell(role), ask).await
    }

    fn requests(&self) -> usize {
        assert_eq!(self.serving.len(), 1);
        self.model.seen().len()
    }
}

fn shell(roles: impl IntoIterator<Item = (String, ModelRole)>) -> RuntimeShell {
    // Each look at the clock is a millisecond later: spans are counted without waiting for them.
    let ticks = AtomicU64::new(0);
    let clock: Clock = Arc::new(move || WorkerTime::from_micros(1_000 * ticks.fetch_add(1, Ordering::Relaxed)));
    let secrets = BTreeMap::from([("crm".to_owned(), Redacted::new("sesame".to_owned()))]);
    RuntimeShell::new(ShellConfig { roles: roles.into_iter().collect(), secrets, ..ShellConfig::default() }, clock).unwrap()
}

async fn carry_out(shell: &RuntimeShell, ask: Ask) -> (Answers, AskReport) {
    let mut answers = Answers::default();
    let within = timeout(Duration::from_secs(10), shell.carry_out(ask, &mut answers)).await;
    let report = within.expect("a question ends by its shortest patience, far within this");
    assert_eq!(shell.open(), 0);
    (answers, report)
}

fn ask(retries: u8) -> Ask {
    let call = ModelCall {
        role: "main".to_owned(),
        messages: vec![ChatMessage::System { text: "Be kind.".into() }, ChatMessage::User { text: "zanzibar".into() }],
        tools: Vec::new(),
        choice: ToolChoice::Auto,
        max_output_tokens: 100,
        first_token: LONG,
        stall: LONG,
    };
    question(Question::Model(call), retries)
}

fn question(what: Question, max_retries: u8) -> Ask {
    let retry = RetryPolicy { max_retries, backoff: Millis(1) };
    Ask { id: AskId(3), why: AskReason::Turn { turn: TurnId(1) }, what, deadline: LONG, retry }
}

#[tokio::test]
async fn a_streamed_answer_is_spoken_as_it_comes_and_counted() {
    let bench = Bench::new("key = \"sesame\"\n[[reply]]\ntext = \"Good day to you.\"\nsplit = 7\nodd = true").await;
    let (answers, report) = bench.ask(bench.role(), ask(0)).await;
    assert_eq!((answers.spoken().as_str(), answers.done().text.expose().as_str()), ("Good day to you.", "Good day to you."));
    assert!(answers.0.len() > 2, "it came in one piece");
    assert_eq!((answers.done().model.as_str(), answers.done().tokens), ("m-1", Some(14)));
    assert_eq!((report.tries, report.input_tokens, report.output_tokens, report.error), (1, Some(10), Some(4), None));
    let seen = &bench.model.seen()[0];
    assert_eq!(seen.authorization.as_deref(), Some("Bearer sesame"));
    assert_eq!(
        (&seen.body["max_tokens"], &seen.body["stream"], &seen.body["messages"][1]["content"]),
        (&100.into(), &true.into(), &"zanzibar".into())
    );
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let bench = Bench::new("[[reply]]\ntext = \"All at once.\"\nstream = false\ntool_calls = [{ name = \"end_session\" }]").await;
    let (answers, _) = bench.ask(bench.role(), ask(0)).await;
    assert_eq!((answers.spoken().as_str(), answers.done().tool_calls[0].name.as_str()), ("All at once.", "end_session"));
}

#[tokio::test]
async fn tool_calls_arrive_whole_and_broken_arguments_as_they_are() {
    let bench = Bench::new(
        "[[reply]]\ntool_calls = [{ name = \"a\", arguments = { x = 1 } }, { name = \"b\", arguments = '{\"x\":' }]\nsplit = 11",
    )
    .await;
    let (answers, _) = bench.ask(bench.role(), ask(0)).await;
    let calls: Vec<_> = answers.done().tool_calls.iter().map(|call| (call.name.as_str(), call.arguments.expose().as_str())).collect();
    assert_eq!(calls, [("a", "{\"x\":1}"), ("b", "{\"x\":")]);
    assert!(answers.done().first_token.is_some() && answers.spoken().is_empty());
}

#[tokio::test]
async fn a_model_that_hangs_is_given_up_in_time() {
    let bench = Bench::new("[[reply]]\nfault = \"hang\"").await;
    let role = ModelRole { first_token: SHORT, ..bench.role() };
    let (answers, report) = bench.ask(role, ask(3)).await;
    assert!(matches!(answers.last(), AnswerBody::TimedOut { .. }));
    assert_eq!((report.error, report.tries), (Some("timed_out"), 1), "a silent server is not given its time again");
}

#[tokio::test]
async fn the_shorter_of_the_roles_and_the_asks_patience_holds() {
    let bench = Bench::new("[[reply]]\nfault = \"hang\"").await;
    let mut short = ask(0);
    if let Question::Model(call) = &mut short.what {
        call.first_token = SHORT;
    }
    let (answers, _) = bench.ask(bench.role(), short).await;
    assert!(matches!(answers.last(), AnswerBody::TimedOut { .. }));
    let (answers, _) = bench.ask(bench.role(), Ask { deadline: SHORT, ..ask(0) }).await;
    assert!(matches!(answers.last(), AnswerBody::TimedOut { .. }), "the ask's own deadline");
    let (answers, _) = bench.ask(ModelRole { request: SHORT, ..bench.role() }, ask(0)).await;
    assert!(matches!(answers.last(), AnswerBody::TimedOut { .. }), "the role's request time");
}

#[tokio::test]
async fn a_stall_mid_stream_ends_the_answer_and_is_not_tried_again() {
    let bench = Bench::new("[[reply]]\ntext = \"One two three.\"\nfault = \"stall\"\nafter = 2").await;
    let role = ModelRole { idle: SHORT, retries: 5, ..bench.role() };
    let (answers, _) = bench.ask(role, ask(5)).await;
    assert_eq!(answers.spoken(), "One two ");
    assert!(matches!(answers.last(), AnswerBody::TimedOut { .. }));
    assert_eq!(bench.requests(), 1);
}

#[tokio::test]
async fn what_breaks_after_words_were_spoken_is_cut_short_and_what_breaks_before_is_tried_again() {
    for fault in ["cut", "broken_json", "error"] {
        let spoken = Bench::new(&format!("[[reply]]\ntext = \"One two three.\"\nfault = \"{fault}\"\nafter = 2")).await;
        let (answers, _) = spoken.ask(spoken.role(), ask(1)).await;
        assert_eq!((answers.spoken().as_str(), answers.why(), spoken.requests()), ("One two ", AskFailure::CutShort, 1), "{fault}");
        let silent = Bench::new(&format!("[[reply]]\nfault = \"{fault}\"\ntimes = 1\n[[reply]]\ntext = \"Here.\"")).await;
        let (answers, report) = silent.ask(silent.role(), ask(1)).await;
        assert_eq!((answers.done().text.expose().as_str(), report.tries), ("Here.", 2), "{fault}");
    }
}

#[tokio::test]
async fn statuses_that_may_pass_are_tried_again_and_others_are_not() {
    for (status, why, tries) in [
        (500, AskFailure::ServerError, 2),
        (429, AskFailure::Overloaded, 2),
        (401, AskFailure::Refused, 1),
        (400, AskFailure::Refused, 1),
        (302, AskFailure::Refused, 1),
    ] {
        let bench = Bench::new(&format!("[[reply]]\nfault = \"status\"\nstatus = {status}")).await;
        let (answers, report) = bench.ask(bench.role(), ask(1)).await;
        assert_eq!((answers.why(), report.tries, report.http_status), (why, tries, Some(status)));
    }
}

#[tokio::test]
async fn retry_after_is_kept_if_it_fits_and_passed_over_if_not() {
    let script = |seconds: u64| {
        format!("[[reply]]\nfault = \"status\"\nstatus = 429\nretry_after = {seconds}\ntimes = 1\n[[reply]]\ntext = \"Now.\"")
    };
    let bench = Bench::new(&script(0)).await;
    let (answers, _) = bench.ask(bench.role(), ask(1)).await;
    assert_eq!(answers.done().text.expose(), "Now.");
    let bench = Bench::new(&script(59)).await;
    let (answers, report) = bench.ask(bench.role(), ask(1)).await;
    assert_eq!((answers.why(), report.tries), (AskFailure::Overloaded, 1), "59 s do not fit into 20 s");
}

#[tokio::test]
async fn the_chain_of_roles_goes_on_where_nothing_was_said() {
    let broken = Bench::new("[[reply]]\nfault = \"status\"\nstatus = 500").await;
    let hanging = Bench::new("[[reply]]\nfault = \"hang\"").await;
    let sound = Bench::new("[[reply]]\ntext = \"The third one.\"").await;
    let main = ModelRole { retries: 0, fallback: vec!["second".to_owned(), "third".to_owned()], ..broken.role() };
    let second = ModelRole { first_token: SHORT, ..hanging.role() };
    let shell = shell([("main".to_owned(), main), ("second".to_owned(), second), ("third".to_owned(), sound.role())]);
    let (answers, report) = carry_out(&shell, ask(1)).await;
    assert_eq!((answers.done().text.expose().as_str(), report.role.as_str(), report.tries), ("The third one.", "third", 3));
    assert_eq!((broken.requests(), hanging.requests(), sound.requests()), (1, 1, 1));
}

#[tokio::test]
async fn answers_without_a_word_or_without_end_are_no_answers() {
    let empty = Bench::new("[[reply]]\nfault = \"empty\"").await;
    let (answers, _) = empty.ask(empty.role(), ask(0)).await;
    assert_eq!(answers.why(), AskFailure::BadAnswer);
    let endless = Bench::new("[[reply]]\nfault = \"endless\"").await;
    let (answers, _) = endless.ask(endless.role(), ask(0)).await;
    assert_eq!(answers.why(), AskFailure::BadAnswer);
    assert!(answers.spoken().len() <= completion::TEXT_BYTES_MAX);
}

#[tokio::test]
async fn nobody_there_and_nobody_configured_are_told_apart() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap()
    };
    let (answers, report) = carry_out(&shell([("main".to_owned(), ModelRole::new(gone, "m"))]), ask(1)).await;
    assert_eq!((answers.why(), report.tries), (AskFailure::Unreachable, 2));
    let (answers, _) = carry_out(&shell([]), ask(1)).await;
    assert_eq!(answers.why(), AskFailure::NotConfigured);
}

#[tokio::test]
async fn a_full_worker_says_so_at_once_and_a_dropped_question_gives_its_place_back() {
    let bench = Bench::new("[[reply]]\nfault = \"hang\"").await;
    let config = ShellConfig { roles: BTreeMap::from([("main".to_owned(), bench.role())]), asks_max: 1, ..ShellConfig::default() };
    let shell = RuntimeShell::new(config, Arc::new(|| WorkerTime::ZERO)).unwrap();
    let mut first = Answers::default();
    {
        let mut hanging = Box::pin(shell.carry_out(ask(0), &mut first));
        assert!(futures_util::poll!(&mut hanging).is_pending());
        let mut second = Answers::default();
        shell.carry_out(ask(0), &mut second).await;
        assert_eq!(second.why(), AskFailure::Overloaded);
    }
    assert_eq!(shell.open(), 0);
    assert!(first.0.is_empty());
}

#[tokio::test]
async fn one_connection_carries_one_answer_after_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
    let accepted = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&accepted);
    let model = ScriptedModel::new(Script::saying("Again."));
    let mut serving = tokio::task::JoinSet::new();
    // In front of the server: counts connections and passes bytes on.
    let behind = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = behind.local_addr().unwrap();
    serving.spawn(async move { drop(model.serve(behind).await) });
    serving.spawn(async move {
        let mut passing = tokio::task::JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            passing.spawn(async move {
                let mut far = tokio::net::TcpStream::connect(target).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
            });
        }
    });
    let shell = shell([("main".to_owned(), ModelRole::new(base_url, "m"))]);
    for _ in 0..3 {
        carry_out(&shell, ask(0)).await.0.done();
    }
    assert_eq!(accepted.load(Ordering::Relaxed), 1);
}

fn tool(url: String, method: HttpMethod) -> HttpToolCall {
    let header = HeaderValue(vec![HeaderPiece::Secret { name: "crm".to_owned() }]);
    HttpToolCall {
        tool: "lookup".to_owned(),
        method,
        url: Redacted::new(url),
        headers: vec![("authorization".to_owned(), header)],
        body: Some(Redacted::new(serde_json::json!({ "model": "x", "messages": [{ "role": "user", "content": "hi" }] }))),
        max_response_bytes: 4_096,
    }
}

fn http_done(answers: &Answers) -> &HttpAnswer {
    match answers.last() {
        AnswerBody::HttpDone(done) => done,
        other => panic!("no answer: {other:?}"),
    }
}

#[tokio::test]
async fn a_tool_is_asked_with_its_secret_and_its_status_is_an_answer() {
    // The scripted model is an HTTP server like any other: JSON in, JSON or a status out.
    let bench = Bench::new("[[reply]]\ntext = \"found\"\ntimes = 1\n[[reply]]\nfault = \"status\"\nstatus = 404\ntimes = 1\n[[reply]]\nfault = \"status\"\nstatus = 503").await;
    let (url, shell) = (bench.base_url.join("chat/completions"), shell([]));
    let (answers, _) = carry_out(&shell, question(Question::HttpTool(tool(url.clone(), HttpMethod::Post)), 0)).await;
    assert_eq!(
        (http_done(&answers).status, &http_done(&answers).body.expose()["choices"][0]["message"]["content"]),
        (200, &"found".into())
    );
    assert_eq!(bench.model.seen()[0].authorization.as_deref(), Some("sesame"));
    let (answers, _) = carry_out(&shell, question(Question::HttpTool(tool(url.clone(), HttpMethod::Post)), 2)).await;
    assert_eq!((http_done(&answers).status, bench.requests()), (404, 2), "404 is an answer, not a failure");
    let (answers, report) = carry_out(&shell, question(Question::HttpTool(tool(url, HttpMethod::Post)), 2)).await;
    assert_eq!((http_done(&answers).status, report.tries), (503, 3));
}

#[tokio::test]
async fn a_tool_goes_only_where_its_file_says_and_takes_no_more_than_it_says() {
    let bench = Bench::new("[[reply]]\ntext = \"found\"").await;
    let url = bench.base_url.join("chat/completions");
    let small = HttpToolCall { max_response_bytes: 16, ..tool(url, HttpMethod::Post) };
    let (answers, _) = carry_out(&shell([]), question(Question::HttpTool(small), 0)).await;
    assert_eq!(answers.why(), AskFailure::BadAnswer);
    for url in ["file:///etc/passwd", "ftp://127.0.0.1/", "no url"] {
        let (answers, _) = carry_out(&shell([]), question(Question::HttpTool(tool(url.to_owned(), HttpMethod::Get)), 0)).await;
        assert_eq!(answers.why(), AskFailure::NotConfigured, "{url}");
    }
}

#[test]
fn a_key_is_shown_nowhere_and_one_no_header_can_carry_is_refused_without_it() {
    let role = ModelRole { key: Some("sesame\n".into()), ..ModelRole::new("http://h/v1".parse().unwrap(), "m") };
    assert!(!format!("{role:?}").contains("sesame"));
    let config = ShellConfig { roles: BTreeMap::from([("main".to_owned(), role)]), ..ShellConfig::default() };
    assert!(!format!("{config:?}").contains("sesame"));
    let error = RuntimeShell::new(config, Arc::new(|| WorkerTime::ZERO)).unwrap_err().to_string();
    assert!(error.contains("key") && !error.contains("sesame"), "{error}");
    let good =
        shell([("main".to_owned(), ModelRole { key: Some("sesame".into()), ..ModelRole::new("http://h/v1".parse().unwrap(), "m") })]);
    assert!(!format!("{good:?}").contains("sesame"), "{good:?}");
}
