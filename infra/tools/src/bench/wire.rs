//! A load generator over bare HTTP/1.1 connections: it shares the processors with what it measures, so it should need little of
//! them itself.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use futures::future::try_join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// One connection that is kept.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request written out whole, and reads its answer: status and body.
    ///
    /// # Errors
    /// When the connection breaks or the answer has no length.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, length) = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break (end + 4, content_length(&self.buffer[..end])?);
            }
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "connection closed");
        };
        while self.buffer.len() < head + length {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "connection closed");
        }
        let status = std::str::from_utf8(&self.buffer[9..12])?.parse()?;
        Ok((status, &self.buffer[head..head + length]))
    }
}

fn content_length(head: &[u8]) -> anyhow::Result<usize> {
    let head = std::str::from_utf8(head)?;
    for line in head.lines() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok(value.trim().parse()?);
        }
    }
    bail!("no content-length in {head}")
}

/// A GET written out.
#[must_use]
pub fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// A POST of JSON written out.
#[must_use]
pub fn post(path: &str, token: &str, key: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\nidempotency-key: {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends requests 0 to `amount` over so many connections at once; how long all of them took. Any other status than 200 or 201
/// ends it.
///
/// # Errors
/// When a connection breaks or a request is refused.
pub async fn saturate(
    address: SocketAddr,
    connections: usize,
    amount: usize,
    request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> anyhow::Result<Duration> {
    let request = Arc::new(request);
    let mut wires = Vec::with_capacity(connections);
    for _ in 0..connections {
        wires.push(Wire::connect(address).await?);
    }
    share_out(wires, amount, move |mut wire, next| {
        let request = request.clone();
        async move {
            while let Some(index) = next.take() {
                let (status, body) = wire.send(&request(index)).await?;
                ensure!(matches!(status, 200 | 201), "{status}: {}", String::from_utf8_lossy(body));
            }
            Ok(())
        }
    })
    .await
}

/// What is left to do.
#[derive(Debug, Clone)]
pub struct Next {
    given: Arc<AtomicUsize>,
    amount: usize,
}

impl Next {
    /// The next piece, until there is none.
    #[must_use]
    pub fn take(&self) -> Option<usize> {
        let index = self.given.fetch_add(1, Ordering::Relaxed);
        (index < self.amount).then_some(index)
    }
}

/// Lets workers, each with a connection of its own, share out pieces 0 to `amount`; how long all of them took.
///
/// # Errors
/// The first failure of a worker.
pub async fn share_out<C, F, W>(connections: Vec<C>, amount: usize, work: W) -> anyhow::Result<Duration>
where
    W: Fn(C, Next) -> F,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let next = Next { given: Arc::default(), amount };
    let started = Instant::now();
    let workers = connections.into_iter().map(|connection| tokio::spawn(work(connection, next.clone())));
    for done in try_join_all(workers).await? {
        done?;
    }
    Ok(started.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_found_whatever_its_letters() {
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nx: y").unwrap(), 12);
        assert!(content_length(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked").is_err());
    }
}
