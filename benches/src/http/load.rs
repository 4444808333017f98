//! The generator: raw HTTP/1.1, so that it costs less than what it measures.

use std::time::{Duration, Instant};

use core_affinity::CoreId;
use http::header;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Address;
use crate::{Error, Material};

const CONNECTIONS: usize = 16;
const PERCENTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// What one turn got done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) rps: f64,
    pub(super) us: [f64; 4],
}

/// One request, sent over and over.
pub(super) struct Generator {
    request: Vec<u8>,
    core: Option<CoreId>,
}

impl Generator {
    pub(super) fn new(material: &Material, core: Option<CoreId>) -> Result<Self, Error> {
        let (head, body) = (material.head(material.token("rs256")?)?, material.body("300B")?);
        let mut request = b"POST /mcp HTTP/1.1\r\n".to_vec();
        for (name, value) in &head.headers {
            request.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        request.extend(format!("{}: {}\r\n\r\n", header::CONTENT_LENGTH, body.len()).bytes());
        request.extend(&body);
        Ok(Self { request, core })
    }

    /// Loads the server for as long as `turn`, from a thread of its own on its own core.
    pub(super) fn run(&self, address: Address, turn: Duration) -> Result<Load, Error> {
        let run = || -> Result<Load, Error> {
            if let Some(core) = self.core {
                core_affinity::set_for_current(core);
            }
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(self.all(address, turn))
        };
        std::thread::scope(|scope| scope.spawn(run).join().map_err(|_| "the generator broke")?)
    }

    async fn all(&self, address: Address, turn: Duration) -> Result<Load, Error> {
        let start = Instant::now();
        let connections = (0..CONNECTIONS).map(|_| self.one(address, start + turn));
        let mut taken = futures_util::future::try_join_all(connections).await?.concat();
        let seconds = start.elapsed().as_secs_f64();
        taken.sort_unstable();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts of a few seconds"
        )]
        let us = PERCENTILES.map(|part| {
            let at = (taken.len() as f64 * part) as usize;
            taken.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6)
        });
        #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
        Ok(Load { rps: taken.len() as f64 / seconds, us })
    }

    async fn one(&self, address: Address, end: Instant) -> Result<Vec<Duration>, Error> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut taken, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
        loop {
            let start = Instant::now();
            if start >= end {
                return Ok(taken);
            }
            stream.write_all(&self.request).await?;
            let mut filled = 0;
            while !is_whole(buffer.get(..filled).unwrap_or_default())? {
                let free = buffer.get_mut(filled..).filter(|free| !free.is_empty()).ok_or("a long answer")?;
                match stream.read(free).await? {
                    0 => return Err("the server hung up".into()),
                    read => filled += read,
                }
            }
            taken.push(start.elapsed());
        }
    }
}

/// True for a whole answer of the tool's; an error for any other.
fn is_whole(answer: &[u8]) -> Result<bool, Error> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(false) };
    let (head, body) = answer.split_at(head + 4);
    if !head.starts_with(b"HTTP/1.1 200") {
        return Err(format!("an answer of another kind: {}", String::from_utf8_lossy(answer)).into());
    }
    let head = std::str::from_utf8(head)?.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let is_whole = match length {
        Some(length) => body.len() >= length.trim().parse::<usize>()?,
        None => body.ends_with(b"0\r\n\r\n"),
    };
    if is_whole && !body.windows(6).any(|six| six == b"thirty") {
        return Err(format!("the tool did not answer: {}", String::from_utf8_lossy(body)).into());
    }
    Ok(is_whole)
}
