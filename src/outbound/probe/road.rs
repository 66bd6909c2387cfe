//! The way to a database, up to its first byte: find host, connect, and an SSH tunnel if there is one.
use crate::model::authorizer::Identity;
use crate::model::cause::Cause;
use crate::model::report::{Fault, StepKind};
use crate::outbound::dial::{self, Marks, Wire};
use crate::outbound::ssh::{self, Login, Proof, TUNNEL};
use crate::outbound::tls::{Mode, Tls};
use crate::outbound::{Account, Outbound};

use super::steps::{Found, Planned, Steps};

/// The fields of a database's own host and port.
pub const AT: Marks = Marks { host: "host", port: "port" };

/// Where a database is and how it is reached.
pub struct Road<'a> {
    pub host: &'a str,
    pub port: u16,
    tunnel: Option<Tunnel<'a>>,
}

struct Tunnel<'a> {
    host: &'a str,
    port: u16,
    login: Login<'a>,
}

impl<'a> Road<'a> {
    pub fn of(account: &'a Account<'_>, default_port: u16) -> Result<Self, Fault> {
        let tunnel = match account.value("ssh") {
            None | Some("" | "off") => None,
            Some(_) => Some(Tunnel::of(account)?),
        };
        Ok(Self {
            host: need(account, "host")?,
            port: port(account, "port", default_port)?,
            tunnel,
        })
    }

    /// `user@host:port/database`. Behind a tunnel the host's name says little without the tunnel's.
    pub fn identity(&self, user: &str, database: Option<&str>) -> Identity {
        let place = format!("{user}@{}:{}", self.host.trim().to_lowercase(), self.port);
        let place = database.map_or(place.clone(), |database| format!("{place}/{database}"));
        match &self.tunnel {
            None => Identity { key: place.clone(), label: place },
            Some(tunnel) => {
                let label = format!("{place} via {}", tunnel.host.trim().to_lowercase());
                Identity { key: label.clone(), label }
            }
        }
    }

    /// The steps that `open` runs.
    pub fn plan(&self) -> Vec<Planned> {
        let place = format!("{}, port {}", self.host, self.port);
        let Some(tunnel) = &self.tunnel else {
            return vec![
                Planned::new(StepKind::FindHost, self.host, 4, &["host"]),
                Planned::new(StepKind::Connect, place, 5, &["host", "port"]),
            ];
        };
        let ssh = format!("{}, port {}", tunnel.host, tunnel.port);
        vec![
            Planned::new(StepKind::FindHost, tunnel.host, 4, &["ssh_host"]),
            Planned::new(
                StepKind::Connect,
                format!("SSH server {ssh}"),
                5,
                &["ssh_host", "ssh_port"],
            ),
            Planned::new(
                StepKind::Tunnel,
                format!("{} at {}", tunnel.login.user, tunnel.host),
                5,
                &["ssh_host", "ssh_port"],
            ),
            Planned::new(
                StepKind::Connect,
                format!("{place}, through the tunnel"),
                5,
                &["host", "port"],
            ),
        ]
    }

    /// Runs the steps of `plan`.
    pub async fn open(&self, out: &Outbound, steps: &mut Steps<'_>) -> Result<Wire, Fault> {
        let Some(tunnel) = &self.tunnel else {
            return reach(out, steps, self.host, self.port, AT).await;
        };
        let at = TUNNEL.at;
        let wire = reach(out, steps, tunnel.host, tunnel.port, at).await?;
        let session = steps.run(StepKind::Tunnel, async {
            let session = ssh::sign_in(wire, &tunnel.login, out.compute()).await?;
            let told = format!(
                "{} at {}, server key {}",
                tunnel.login.user,
                tunnel.host,
                session.fingerprint()
            );
            Ok(Found::new(session).told(told))
        });
        let session = session.await?;
        steps
            .run(StepKind::Connect, async {
                Ok(Found::new(session.through(self.host, self.port, AT).await?))
            })
            .await
    }

    /// `None`: encryption is switched off.
    pub fn tls(&self, account: &Account<'_>) -> Result<Option<Tls>, Fault> {
        Tls::new(mode(account), self.host, account.value("ca"))
    }
}

impl<'a> Tunnel<'a> {
    fn of(account: &'a Account<'_>) -> Result<Self, Fault> {
        let proof = match account.value("ssh") {
            Some("key") => Proof::Key {
                pem: need(account, "ssh_key")?,
                passphrase: account.value("ssh_key_passphrase"),
            },
            _ => Proof::Password(need(account, "ssh_password")?),
        };
        let login = Login {
            user: need(account, "ssh_user")?,
            proof,
            pinned: account.value("ssh_host_key"),
            words: TUNNEL,
        };
        Ok(Self { host: need(account, "ssh_host")?, port: port(account, "ssh_port", 22)?, login })
    }
}

/// Find host, connect.
pub async fn reach(
    out: &Outbound,
    steps: &mut Steps<'_>,
    host: &str,
    port: u16,
    marks: Marks,
) -> Result<Wire, Fault> {
    let found = steps.run(StepKind::FindHost, async {
        let found = dial::find(out.policy(), host, port, marks).await?;
        let mut list: Vec<String> = found.iter().map(|at| at.ip().to_string()).collect();
        list.dedup();
        let told = if list.iter().any(|ip| ip == host) {
            host.to_owned()
        } else {
            format!("{host} is {}", list.join(", "))
        };
        Ok(Found::new(found).told(told))
    });
    let found = found.await?;
    let stream = steps
        .run(StepKind::Connect, async { Ok(Found::new(dial::connect(&found, marks).await?)) })
        .await?;
    Ok(Box::new(stream))
}

pub fn mode(account: &Account<'_>) -> Mode {
    Mode::from_value(account.value("tls"))
}

/// A field without which nothing can be tried.
pub fn need<'a>(account: &'a Account<'_>, key: &'static str) -> Result<&'a str, Fault> {
    account.value(key).ok_or_else(|| {
        Fault::new(Cause::RequestRejected).marks(&[key]).detail(format!("{key} is empty"))
    })
}

pub fn port(account: &Account<'_>, key: &'static str, default: u16) -> Result<u16, Fault> {
    match account.value(key).map(str::trim) {
        None | Some("") => Ok(default),
        Some(text) => text.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            Fault::new(Cause::RequestRejected).marks(&[key]).detail(format!("{text} is no port"))
        }),
    }
}
