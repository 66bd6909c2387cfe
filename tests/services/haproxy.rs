//! HAProxy in front of the app, as an operator sets it up.
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use url::Url;

use crate::support::server::{Server, Signal, folder, free_port};

pub struct HaProxy {
    server: Server,
}

impl HaProxy {
    /// Calls the app from 127.0.0.3. `options` are lines of the section `defaults`.
    pub fn start(to: &str, options: &str) -> Self {
        let address: SocketAddr = free_port(Ipv4Addr::LOCALHOST.into());
        let to = Url::parse(to).expect("an address");
        let folder = folder("haproxy");
        let config = format!(
            "defaults\n mode http\n timeout client 60s\n timeout server 60s\n timeout connect 5s\n \
             {options}\nfrontend in\n bind {address}\n default_backend app\n\
             backend app\n server app 127.0.0.1:{} source 127.0.0.3\n",
            to.port().expect("a port")
        );
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, config).expect("its configuration");
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file);
        Self { server: Server::start(folder, address, Signal::Term, &command) }
    }

    pub fn base(&self) -> String {
        format!("http://{}", self.server.address)
    }
}
