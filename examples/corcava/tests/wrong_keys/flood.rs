//! A client that sends keys as fast as they are refused: pipelined HTTP/1.1 over connections that are kept.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// So many requests are under way on a connection.
pub(crate) const PIPELINED: usize = 50;
/// Whoever waits longer is not served.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

/// One connection, from one address; opened anew where the server ends it.
pub(crate) struct Connection {
    from: Ipv4Addr,
    to: SocketAddr,
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(from: Ipv4Addr, to: SocketAddr) -> Self {
        Self { from, to, stream: connected(from, to).await, read: Vec::new() }
    }

    /// Sends the requests, all at once, and reads the answers: their status codes, in order.
    pub(crate) async fn send(&mut self, requests: &[String]) -> Vec<u16> {
        let mut statuses = Vec::with_capacity(requests.len());
        let exchanged = async {
            while self.exchange(&requests[statuses.len()..], &mut statuses).await.is_err() {
                self.stream = connected(self.from, self.to).await;
                self.read.clear();
            }
        };
        tokio::time::timeout(PATIENCE, exchanged).await.expect("answers in bounded time");
        statuses
    }

    async fn exchange(&mut self, requests: &[String], statuses: &mut Vec<u16>) -> std::io::Result<()> {
        self.stream.write_all(requests.concat().as_bytes()).await?;
        let all = statuses.len() + requests.len();
        while statuses.len() < all {
            let mut at = 0;
            while let Some((status, length)) = whole(&self.read[at..]) {
                // A busy machine was slow to send: the server waits for no request longer than five seconds.
                if status == 408 {
                    return Err(std::io::ErrorKind::TimedOut.into());
                }
                statuses.push(status);
                at += length;
            }
            self.read.drain(..at);
            if statuses.len() < all && self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}

async fn connected(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0)).unwrap();
    let stream = socket.connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A request with this key.
pub(crate) fn request(to: SocketAddr, key: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
}

/// Status and length of the answer at the beginning, if it is there whole.
fn whole(read: &[u8]) -> Option<(u16, usize)> {
    let head = read.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head]).unwrap().to_ascii_lowercase();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let body: usize = match text.split_once("content-length:") {
        Some((_, rest)) => rest.split("\r\n").next().unwrap().trim().parse().unwrap(),
        None => 0,
    };
    (read.len() >= head + body).then_some((status, head + body))
}
