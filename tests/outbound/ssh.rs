//! Tunnels: what the SSH server refuses marks the tunnel's fields, what is refused behind it marks the database's.
use authorizers::model::cause::Cause;
use authorizers::model::report::{Report, StepKind};
use authorizers::outbound::probe::{mysql, postgres};
use russh::server::{Auth, Config, Handler, Msg, Server, Session};
use russh::{Channel, ChannelOpenFailure};
use tokio::net::{TcpListener, TcpStream};

use super::account::{Typed, failed, line, out};
use crate::services::mariadb::MariaDb;
use crate::services::sshd::Sshd;
use crate::support::postgres::shared;

/// The database as the SSH server sees it, by way of the SSH server.
fn typed() -> Typed {
    let (sshd, database) = (Sshd::shared(), shared());
    let (port, ssh_port) = (database.port().to_string(), sshd.port().to_string());
    Typed::new(
        "postgresql",
        &[
            ("host", "localhost"),
            ("port", &port),
            ("database", "postgres"),
            ("user", "authorizers"),
            ("password", "any"),
            ("tls", "verify_full"),
            ("ca", &database.authority()),
            ("ssh", "key"),
            ("ssh_host", "127.0.0.1"),
            ("ssh_port", &ssh_port),
            ("ssh_user", &sshd.user()),
            ("ssh_key", &sshd.key("plain")),
        ],
    )
}

async fn test(typed: &Typed) -> Report {
    postgres::test(&out(), &typed.account(), &mut |_| {}).await
}

#[tokio::test]
async fn a_tunnel_leads_to_a_database_with_its_own_tls() {
    let report = test(&typed()).await;
    assert_eq!(
        line(&report),
        "FindHost ok, Connect ok, Tunnel ok, Connect ok, Tls ok, SignIn ok, Permissions ok"
    );
    assert!(report.steps[2].what.contains(&Sshd::shared().fingerprint()), "{:?}", report.steps[2]);
    assert!(report.identity.unwrap().key.ends_with("/postgres via 127.0.0.1"));
}

#[tokio::test]
async fn a_tunnel_leads_to_mysql_too() {
    let server = MariaDb::shared();
    server.run("CREATE USER my_tunnel@'%' IDENTIFIED BY 'right'");
    let (port, ca) = (server.port().to_string(), server.authority());
    let mut through = Typed::new(
        "mysql",
        &[
            ("host", "localhost"),
            ("port", &port),
            ("user", "my_tunnel"),
            ("password", "right"),
            ("ca", &ca),
            ("tls", "verify_full"),
        ],
    );
    let tunnel = typed();
    for key in ["ssh", "ssh_host", "ssh_port", "ssh_user", "ssh_key"] {
        through = through.with(key, tunnel.account().value(key).unwrap());
    }
    let report = mysql::test(&out(), &through.account(), &mut |_| {}).await;
    assert_eq!(
        line(&report),
        "FindHost ok, Connect ok, Tunnel ok, Connect ok, Tls ok, SignIn ok, Permissions warned"
    );
}

#[tokio::test]
async fn keys_of_all_kinds_open_and_wrong_ones_mark_the_tunnel_only() {
    let sshd = Sshd::shared();
    let right = typed();
    assert!(test(&right.clone().with("ssh_key", &sshd.key("rsa"))).await.is_ok());
    let locked = right.clone().with("ssh_key", &sshd.key("locked"));
    assert!(test(&locked.clone().with("ssh_key_passphrase", "open sesame")).await.is_ok());
    failed(
        &test(&locked).await,
        StepKind::Tunnel,
        Cause::TunnelLoginRejected,
        &["ssh_key_passphrase"],
    );
    let report = test(&locked.with("ssh_key_passphrase", "open barley")).await;
    failed(
        &report,
        StepKind::Tunnel,
        Cause::TunnelLoginRejected,
        &["ssh_key", "ssh_key_passphrase"],
    );
    let report = test(&right.clone().with("ssh_key", &sshd.key("stranger"))).await;
    failed(&report, StepKind::Tunnel, Cause::TunnelLoginRejected, &["ssh_user", "ssh_key"]);
    let report = test(&right.with("ssh_key", "no key at all")).await;
    failed(&report, StepKind::Tunnel, Cause::TunnelLoginRejected, &["ssh_key"]);
}

#[tokio::test]
async fn a_pinned_server_is_taken_and_another_one_is_not() {
    let right = typed();
    let pinned = Sshd::shared().fingerprint();
    assert!(test(&right.clone().with("ssh_host_key", &pinned)).await.is_ok());
    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let report = test(&right.with("ssh_host_key", other)).await;
    let step = failed(&report, StepKind::Tunnel, Cause::TunnelRefused, &["ssh_host_key"]);
    assert_eq!(step.cure, Some(pinned), "the one that was seen, to look at and to copy");
}

#[tokio::test]
async fn what_is_refused_behind_the_tunnel_is_the_databases_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let right = typed();
    let report = test(&right.clone().with("port", &closed)).await;
    failed(&report, StepKind::Connect, Cause::PortRefused, &["host", "port"]);
    assert_eq!(
        line(&report),
        "FindHost ok, Connect ok, Tunnel ok, Connect FAILED, Tls -, SignIn -, Permissions -"
    );
    let report = test(&right.clone().with("host", "no-such-host.invalid")).await;
    failed(&report, StepKind::Connect, Cause::HostUnknown, &["host"]);
    let report = test(&right.with("ca", "")).await;
    failed(&report, StepKind::Tls, Cause::TlsUntrusted, &["ca", "tls"]);
}

#[tokio::test]
async fn a_server_that_forbids_forwarding_is_the_tunnels_fault() {
    let report = test(&typed().with("ssh_key", &Sshd::shared().key("narrow"))).await;
    failed(&report, StepKind::Connect, Cause::TunnelRefused, &["ssh_user"]);
}

#[tokio::test]
async fn a_closed_ssh_port_or_another_server_marks_the_tunnel_only() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let report = test(&typed().with("ssh_port", &closed)).await;
    failed(&report, StepKind::Connect, Cause::PortRefused, &["ssh_host", "ssh_port"]);
    let report = test(&typed().with("ssh_host", "no-such-host.invalid")).await;
    failed(&report, StepKind::FindHost, Cause::HostUnknown, &["ssh_host"]);
}

/// A server that takes one password and forwards.
#[derive(Clone)]
struct ByPassword;

impl Server for ByPassword {
    type Handler = Self;

    fn new_client(&mut self, _: Option<std::net::SocketAddr>) -> Self {
        Self
    }
}

impl Handler for ByPassword {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        Ok(if (user, password) == ("tunnel", "right") { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: russh::server::ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        #[expect(clippy::disallowed_methods, reason = "the other side of the tunnel, not the app")]
        let there = TcpStream::connect((host, u16::try_from(port).unwrap())).await;
        match there {
            Ok(mut there) => {
                reply.accept().await;
                tokio::spawn(async move {
                    tokio::io::copy_bidirectional(&mut channel.into_stream(), &mut there).await.ok()
                });
            }
            Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_password_opens_the_tunnel_and_a_wrong_one_does_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let key = russh::keys::decode_secret_key(&Sshd::shared().key("plain"), None).unwrap();
    let config = Config {
        keys: vec![key],
        auth_rejection_time: std::time::Duration::ZERO,
        ..Config::default()
    };
    tokio::spawn(
        async move { ByPassword.run_on_socket(std::sync::Arc::new(config), &listener).await },
    );
    let right = typed()
        .with("ssh", "password")
        .with("ssh_port", &port)
        .with("ssh_user", "tunnel")
        .with("ssh_password", "right");
    assert!(test(&right).await.is_ok(), "{:#?}", test(&right).await);
    let report = test(&right.with("ssh_password", "wrong-secret")).await;
    failed(&report, StepKind::Tunnel, Cause::TunnelLoginRejected, &["ssh_user", "ssh_password"]);
    assert!(!format!("{report:?}").contains("wrong-secret"));
}
