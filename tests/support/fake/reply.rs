//! What the scripted server answers, and how it breaks off.
use std::time::Duration;

use serde_json::Value;

/// How an answer ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Whole,
    /// Half of the body that was announced, then the line is cut.
    CutOff,
    /// The body again and again.
    Endless,
    /// The head and half of the body, then nothing more.
    Stalls,
    /// Not even a head.
    Silent,
}

/// One scripted answer.
#[derive(Clone)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) end: End,
    /// The request waits this long for the first byte.
    pub(super) delay: Duration,
}

impl Reply {
    pub fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), kind.to_owned())],
            body: body.into(),
            end: End::Whole,
            delay: Duration::ZERO,
        }
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub fn html(status: u16) -> Self {
        Self::new(
            status,
            "text/html",
            "<!doctype html><title>Bad gateway</title><h1>Try again later</h1>",
        )
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body packed by gzip.
    pub fn zipped(mut self) -> Self {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packer, &self.body).expect("memory takes it");
        self.body = packer.finish().expect("memory takes it");
        self.header("Content-Encoding", "gzip")
    }

    pub fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub fn silent() -> Self {
        Self { end: End::Silent, ..Self::new(200, "text/plain", "") }
    }
}
