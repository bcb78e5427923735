//! `mail-catcher --listen ADDRESS --dir DIR`: a mail server for the demo and for tests, which keeps every mail as a file in DIR.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, address, out, dir] = arguments.as_slice() else {
        bail!("usage: mail-catcher --listen ADDRESS --dir DIR")
    };
    if listen != "--listen" || out != "--dir" {
        bail!("usage: mail-catcher --listen ADDRESS --dir DIR");
    }
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let mut stop = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tools::catcher::serve(listener, PathBuf::from(dir)) => ended,
        _ = stop.recv() => Ok(()),
    }
}
