//! `serve`: the daemon.

use super::{BAD_CONFIGURATION, ConfigArgs, FAILED, block_on, say_why};
use crate::host::Worker;
use crate::runtime::shell::client;
use crate::settings::{self, Settings};
#[cfg(feature = "jemalloc")]
use crate::telemetry::Gauge;
use crate::telemetry::{self, Metrics, OtlpConfig};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// One request to a collector.
const OTLP_WITHIN: Duration = Duration::from_secs(10);

pub(super) fn run(args: &ConfigArgs) -> ExitCode {
    let settings = match args.load() {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let mut config = match settings::compose(&settings) {
        Ok(config) => config,
        Err(error) => {
            say_why("configuration", &error);
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    let log_format = match settings.telemetry.format {
        settings::LogFormat::Text => telemetry::LogFormat::Text,
        settings::LogFormat::Json => telemetry::LogFormat::Json,
    };
    let otlp = match otlp(&settings) {
        Ok(otlp) => otlp,
        Err(error) => {
            say_why("telemetry.otlp", error.as_ref());
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    match telemetry::init(log_format, &settings.telemetry.level, otlp) {
        Ok(exporting) => config.exporting = exporting,
        Err(error) => {
            say_why("telemetry", &error);
            return ExitCode::from(BAD_CONFIGURATION);
        }
    }
    match Metrics::new().and_then(|metrics| metrics.install().map(|()| metrics)) {
        Ok(metrics) => {
            collect_allocator(&metrics);
            config.metrics = Some(metrics);
        }
        Err(error) => tracing::error!(%error, "no metrics are kept"),
    }
    block_on(serve(settings, config))
}

/// Where spans go, if they are wanted.
fn otlp(settings: &Settings) -> Result<Option<OtlpConfig>, Box<dyn std::error::Error>> {
    let Some(endpoint) = &settings.telemetry.otlp_endpoint else { return Ok(None) };
    let mut headers = reqwest::header::HeaderMap::new();
    if let Some(token) = &settings.telemetry.otlp_token {
        let mut value = reqwest::header::HeaderValue::from_str(&format!("Bearer {}", token.expose()))?;
        value.set_sensitive(true);
        headers.insert(reqwest::header::AUTHORIZATION, value);
    }
    let client = client(endpoint.is_secure())?.default_headers(headers).timeout(OTLP_WITHIN).build()?;
    Ok(Some(OtlpConfig { endpoint: endpoint.to_string(), instance: settings.worker.name.clone(), client }))
}

async fn serve(settings: Settings, config: crate::host::Config) -> ExitCode {
    let (mut terminate, mut interrupt) = match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
        (Err(error), _) | (_, Err(error)) => {
            say_why("signals", &error);
            return ExitCode::from(FAILED);
        }
    };
    let worker = match Worker::start(config).await {
        Ok(worker) => worker,
        Err(error) => {
            say_why("the worker does not start", &error);
            return ExitCode::from(FAILED);
        }
    };
    let sip: Vec<String> = worker.sip_addresses().iter().map(ToString::to_string).collect();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), sip = sip.join(", "), api = %worker.api_address(), "taking calls");
    for why in worker.not_ready() {
        tracing::warn!("not ready: {why}");
    }
    either(&mut terminate, &mut interrupt).await;
    let force = CancellationToken::new();
    let forced = force.clone();
    tokio::select! {
        () = worker.drain(settings.worker.drain_deadline, force) => {}
        () = async {
            either(&mut terminate, &mut interrupt).await;
            tracing::warn!("second signal: the calls that are left end now");
            forced.cancel();
            std::future::pending::<()>().await;
        } => {}
    }
    worker.stop().await;
    tracing::info!("stopped");
    ExitCode::SUCCESS
}

/// What the allocator has given out, as it counts it: the figure whose slope is a leak. Without jemalloc there is no such gauge.
#[cfg(feature = "jemalloc")]
fn collect_allocator(metrics: &Metrics) {
    metrics.collect(|gauges| {
        // Statistics are a copy that is brought up to date by asking.
        if tikv_jemalloc_ctl::epoch::advance().is_ok()
            && let Ok(bytes) = tikv_jemalloc_ctl::stats::allocated::read()
        {
            gauges.set(Gauge::AllocatedBytes, bytes as u64);
        }
    });
}

#[cfg(not(feature = "jemalloc"))]
fn collect_allocator(_metrics: &Metrics) {}

async fn either(first: &mut Signal, second: &mut Signal) {
    tokio::select! {
        _ = first.recv() => {}
        _ = second.recv() => {}
    }
}
