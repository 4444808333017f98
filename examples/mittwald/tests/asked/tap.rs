//! A relay that carries bytes to the server and keeps what clients said, so that a request can come a second time as it was.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;

const WITHIN: Duration = Duration::from_secs(10);

pub(crate) struct Tap {
    address: String,
    server: Arc<OnceLock<String>>,
    /// What each connection said so far.
    said: Arc<Mutex<Vec<Vec<u8>>>>,
    relay: JoinHandle<()>,
}

impl Tap {
    /// Listens; whoever connects waits until it is told whither.
    pub(crate) async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (server, said) = (Arc::<OnceLock<String>>::default(), Arc::<Mutex<Vec<Vec<u8>>>>::default());
        let (to, keep) = (Arc::clone(&server), Arc::clone(&said));
        let relay = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let to = to.get().expect("`to` comes first").clone();
                tokio::spawn(carry(client, to, Arc::clone(&keep)));
            }
        });
        Self { address, server, said, relay }
    }

    pub(crate) fn to(&self, url: &str) {
        let url = Url::parse(url).unwrap();
        self.server.set(format!("127.0.0.1:{}", url.port().unwrap())).unwrap();
    }

    pub(crate) fn host(&self) -> String {
        self.address.clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Sends the last request whose body has `words` in it once more; status and body of the answer.
    pub(crate) async fn again(&self, words: &str) -> (u16, String) {
        let all: Vec<Vec<u8>> = self.said.lock().unwrap().iter().flat_map(|said| requests(said)).collect();
        let has = |request: &&Vec<u8>| String::from_utf8_lossy(request).contains(words);
        let request = all.iter().rfind(has).expect("a client said so");
        let mut stream = TcpStream::connect(self.server.get().unwrap()).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        let mut chunk = [0; 4096];
        let parts = loop {
            let read = timeout(WITHIN, stream.read(&mut chunk)).await.expect("an answer").unwrap();
            assert_ne!(read, 0, "the answer ended early");
            answer.extend_from_slice(&chunk[..read]);
            if let Some((head, length)) = head(&answer)
                && answer.len() >= head + length
            {
                break (head, length);
            }
        };
        let text = String::from_utf8(answer).unwrap();
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        (status, text[parts.0..parts.0 + parts.1].to_owned())
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

async fn carry(client: TcpStream, to: String, keep: Arc<Mutex<Vec<Vec<u8>>>>) {
    let Ok(server) = TcpStream::connect(to).await else { return };
    let ((mut from, mut back), (mut answers, mut forth)) = (client.into_split(), server.into_split());
    let at = {
        let mut keep = keep.lock().unwrap();
        keep.push(Vec::new());
        keep.len() - 1
    };
    let returning = tokio::spawn(async move { tokio::io::copy(&mut answers, &mut back).await });
    let mut chunk = [0; 4096];
    while let Ok(read) = from.read(&mut chunk).await
        && read > 0
    {
        keep.lock().unwrap()[at].extend_from_slice(&chunk[..read]);
        if forth.write_all(&chunk[..read]).await.is_err() {
            break;
        }
    }
    returning.abort();
}

/// The requests of one connection; rmcp gives each a length.
fn requests(mut said: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some((head, length)) = head(said)
        && said.len() >= head + length
    {
        let (request, rest) = said.split_at(head + length);
        all.push(request.to_vec());
        said = rest;
    }
    all
}

/// Where the head ends, and how long the body is.
fn head(message: &[u8]) -> Option<(usize, usize)> {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&message[..end]).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    Some((end, length.map_or(0, |length| length.trim().parse().unwrap())))
}
