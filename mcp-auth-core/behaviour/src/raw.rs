//! Requests as bytes, for what no HTTP client would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Fixture;

/// Sends these bytes on a connection of their own and reads what comes: the status (0: the connection was closed without
/// one), and everything as text.
pub async fn send(fixture: &Fixture, bytes: &[u8]) -> (u16, String) {
    send_slowly(fixture, &[bytes], Duration::ZERO).await
}

/// Sends these pieces with a pause between them.
pub async fn send_slowly(fixture: &Fixture, pieces: &[&[u8]], pause: Duration) -> (u16, String) {
    let mut stream = connect(fixture).await;
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            tokio::time::sleep(pause).await;
        }
        if stream.write_all(piece).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    // An answer ends with the connection, or when nothing more comes.
    let mut buffer = [0; 8192];
    while let Ok(Ok(length @ 1..)) =
        tokio::time::timeout(Duration::from_secs(2), stream.read(&mut buffer)).await
    {
        answer.extend_from_slice(&buffer[..length]);
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text)
}

/// A connection to the server.
pub async fn connect(fixture: &Fixture) -> TcpStream {
    TcpStream::connect(fixture.origin.trim_start_matches("http://")).await.unwrap()
}

/// The name and port of the server, as a `Host` header has them.
#[must_use]
pub fn host(fixture: &Fixture) -> &str {
    fixture.origin.trim_start_matches("http://")
}

/// A POST of `message` in the legacy era, its start line and headers given.
#[must_use]
pub fn post(start: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{start}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(
        "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\nConnection: close\r\n\r\n",
    );
    text.push_str(body);
    text.into_bytes()
}
