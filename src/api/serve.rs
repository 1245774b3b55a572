//! The listener.

use super::keys::KeyRing;
use axum::Router;
use std::io;
use std::net::SocketAddr;
use thiserror::Error;
use tokio::net::TcpListener;

/// Why the API does not listen.
#[derive(Debug, Error)]
pub enum BindError {
    #[error("the API would listen on {0}, where others can reach it, and no key is configured; add an [[api.key]] or listen on 127.0.0.1")]
    NoKey(SocketAddr),
    #[error("the API cannot listen on {address}; is another worker running there?")]
    Taken {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
}

/// Binds, unless that would open the API to others without a key.
pub async fn bind(address: SocketAddr, keys: &KeyRing) -> Result<TcpListener, BindError> {
    if keys.is_empty() && !address.ip().to_canonical().is_loopback() {
        return Err(BindError::NoKey(address));
    }
    TcpListener::bind(address).await.map_err(|source| BindError::Taken { address, source })
}

/// Serves until `shutdown` is done and the running requests are answered.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}
