//! Finds a host and connects to it. The addresses are checked after the name is resolved, and the connection is made
//! to a checked address: a name that points somewhere else a moment later changes nothing.
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::policy::{Kind, Policy};
use crate::model::cause::Cause;
use crate::model::report::Fault;

/// What a step may take at most.
pub const FIND_LIMIT: Duration = Duration::from_secs(4);
pub const CONNECT_LIMIT: Duration = Duration::from_secs(4);

/// Anything that bytes go through: a socket, a channel of an SSH session, TLS over either.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}
pub type Wire = Box<dyn Stream>;

/// The keys of the fields that a host and a port were typed in.
#[derive(Clone, Copy)]
pub struct Marks {
    pub host: &'static str,
    pub port: &'static str,
}

/// The addresses of a host that may be called, in the resolver's order.
pub async fn find(
    policy: &Policy,
    host: &str,
    port: u16,
    marks: Marks,
) -> Result<Vec<SocketAddr>, Fault> {
    find_for(policy, Kind::Database, (host, port), marks).await
}

/// As [`find`], for what is called there: the rules differ.
pub async fn find_for(
    policy: &Policy,
    kind: Kind,
    (host, port): (&str, u16),
    marks: Marks,
) -> Result<Vec<SocketAddr>, Fault> {
    let name = host.trim().trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((name, port)).await;
    let found: Vec<SocketAddr> =
        found.map_err(|error| unknown(name, &error.to_string(), marks))?.collect();
    if found.is_empty() {
        return Err(unknown(name, "no address", marks));
    }
    let allowed: Vec<SocketAddr> =
        found.iter().copied().filter(|at| policy.allows(at.ip(), kind)).collect();
    if allowed.is_empty() {
        let list = found.iter().map(|at| at.ip().to_string()).collect::<Vec<_>>().join(", ");
        let said = if name == list {
            format!("{name} is not to be called")
        } else {
            format!("{name} is {list}, which is not to be called")
        };
        return Err(Fault::new(Cause::BlockedAddress).marks(&[marks.host]).detail(said));
    }
    Ok(allowed)
}

fn unknown(name: &str, said: &str, marks: Marks) -> Fault {
    Fault::new(Cause::HostUnknown).marks(&[marks.host]).detail(format!("{name}: {said}"))
}

/// Connects to the first address that answers. All are tried; together they take no longer than `CONNECT_LIMIT`.
pub async fn connect(addresses: &[SocketAddr], marks: Marks) -> Result<TcpStream, Fault> {
    let ends = Instant::now() + CONNECT_LIMIT;
    let mut failures = Vec::new();
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX).max(1);
        let share = ends.saturating_duration_since(Instant::now()) / left;
        match tokio::time::timeout(share, reach(*address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).ok();
                return Ok(stream);
            }
            Ok(Err(error)) => failures.push((*address, cause(&error), error.to_string())),
            Err(_) => failures.push((*address, Cause::Timeout, "no answer".to_owned())),
        }
    }
    Err(worst(&failures, marks))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the guarded dialler: the address was checked by `find`"
)]
async fn reach(address: SocketAddr) -> std::io::Result<TcpStream> {
    TcpStream::connect(address).await
}

fn cause(error: &std::io::Error) -> Cause {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => Cause::PortRefused,
        std::io::ErrorKind::TimedOut => Cause::Timeout,
        _ => Cause::Unreachable,
    }
}

/// A refused port says most: something answered. Then silence, then no way there.
fn worst(failures: &[(SocketAddr, Cause, String)], marks: Marks) -> Fault {
    let seen = |wanted: Cause| failures.iter().any(|(_, cause, _)| *cause == wanted);
    let cause = [Cause::PortRefused, Cause::Timeout]
        .into_iter()
        .find(|one| seen(*one))
        .unwrap_or(Cause::Unreachable);
    let said =
        failures.iter().map(|(at, _, said)| format!("{at}: {said}")).collect::<Vec<_>>().join("\n");
    Fault::new(cause).marks(&[marks.host, marks.port]).detail(said)
}
