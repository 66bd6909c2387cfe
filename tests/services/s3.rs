//! An S3 server (npm `s3rver`) with one key and two buckets: `lake`, and `still`, to which no test
//! writes: the server fails to list objects while one is being written. It knows its key, but does
//! not compute signatures of version 4: those are held to Amazon's own example beside the code that
//! makes them.
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::support::server::{Server, Signal, folder, free_port, root};

pub const KEY: &str = "S3RVER";

pub struct S3 {
    server: Server,
}

impl S3 {
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<S3> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let folder = folder("s3");
        let address = free_port(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut command = Command::new("node");
        command.arg(root().join("tests/services/node/node_modules/s3rver/bin/s3rver.js"));
        command.args([
            "--address",
            "127.0.0.1",
            "--port",
            &address.port().to_string(),
            "--configure-bucket",
            "lake",
            "--configure-bucket",
            "still",
        ]);
        command.arg("--directory").arg(folder.join("data"));
        Self { server: Server::start(folder, address, Signal::Term, &command) }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Everything that it keeps.
    pub fn data(&self) -> PathBuf {
        self.server.folder.join("data")
    }
}
