//! Requests as bytes, for what no HTTP client would send.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Fixture;

/// Sends these bytes on a connection of their own and reads one answer: its status (0: the connection was closed without
/// one), and everything as text.
pub async fn send(fixture: &Fixture, bytes: &[u8]) -> (u16, String) {
    exchange(fixture, &[bytes], Duration::ZERO, is_whole).await
}

/// The same, with a pause between the pieces.
pub async fn send_slowly(fixture: &Fixture, pieces: &[&[u8]], pause: Duration) -> (u16, String) {
    exchange(fixture, pieces, pause, is_whole).await
}

/// The same, but reads on until the connection ends: whatever else is answered is in the text.
pub async fn send_to_end(fixture: &Fixture, bytes: &[u8]) -> (u16, String) {
    exchange(fixture, &[bytes], Duration::ZERO, |_| false).await
}

async fn exchange(
    fixture: &Fixture,
    pieces: &[&[u8]],
    pause: Duration,
    is_enough: impl Fn(&str) -> bool,
) -> (u16, String) {
    let mut stream = connect(fixture).await;
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            tokio::time::sleep(pause).await;
        }
        if stream.write_all(piece).await.is_err() {
            break;
        }
    }
    let (mut text, mut buffer) = (String::new(), [0; 8192]);
    while let Ok(Ok(length @ 1..)) =
        tokio::time::timeout(Duration::from_secs(2), stream.read(&mut buffer)).await
    {
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        if is_enough(&text) {
            break;
        }
    }
    (text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), text)
}

/// True if the answer announced its length and is there.
fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    length.is_some_and(|length| body.len() >= length)
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
