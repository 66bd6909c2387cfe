//! The guard that stops a server when the tests end.
use std::net::TcpStream;
use std::process::Command;

use crate::support::server::{Server, Signal, folder, free_port};

/// The session that a process belongs to.
fn session(process: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let behind_name = stat.rsplit(')').next().expect("what follows its name");
    behind_name.split_whitespace().nth(3).expect("the session").parse().expect("a number")
}

#[test]
fn a_guard_and_its_server_do_not_die_with_the_group_of_the_tests() {
    let address = free_port([127, 0, 0, 1].into());
    let mut listens = Command::new("node");
    let script = format!("require('net').createServer().listen({}, '127.0.0.1')", address.port());
    listens.arg("-e").arg(script);
    let server = Server::start(folder("listener"), address, Signal::Term, &listens);
    let guard = server.guard.id();
    assert_eq!(session(guard), guard, "it leads a session of its own");
    assert_ne!(session(guard), session(std::process::id()));
    let kept = server.folder.clone();
    drop(server);
    assert!(!kept.exists() && TcpStream::connect(address).is_err(), "it stops its server");
}
