//! Finding and reaching a host: closed ports, unknown names, forbidden addresses, servers that are silent or other.
use std::time::{Duration, Instant};

use authorizers::model::cause::Cause;
use authorizers::model::report::StepKind;
use authorizers::outbound::Outbound;
use authorizers::outbound::policy::Policy;
use authorizers::outbound::probe::{mysql, postgres};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::account::{Typed, failed, line, out};

fn typed(service: &'static str, host: &str, port: u16) -> Typed {
    let port = port.to_string();
    Typed::new(
        service,
        &[
            ("host", host),
            ("port", &port),
            ("user", "u"),
            ("password", "p"),
            ("database", "d"),
            ("tls", "require"),
        ],
    )
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let report =
        postgres::test(&out(), &typed("postgresql", "127.0.0.1", port).account(), &mut |_| {})
            .await;
    failed(&report, StepKind::Connect, Cause::PortRefused, &["host", "port"]);
    assert_eq!(line(&report), "FindHost ok, Connect FAILED, Tls -, SignIn -, Permissions -");
}

#[tokio::test]
async fn an_unknown_name_is_not_found() {
    let report = postgres::test(
        &out(),
        &typed("postgresql", "no-such-host.invalid", 5432).account(),
        &mut |_| {},
    )
    .await;
    failed(&report, StepKind::FindHost, Cause::HostUnknown, &["host"]);
}

#[tokio::test]
async fn a_port_that_is_none_is_told_before_anything_is_tried() {
    let typed = typed("postgresql", "127.0.0.1", 1).with("port", "0");
    let report = postgres::test(&out(), &typed.account(), &mut |_| {}).await;
    failed(&report, StepKind::FindHost, Cause::RequestRejected, &["port"]);
}

#[tokio::test]
async fn metadata_and_this_machine_are_not_called_unless_the_operator_opened_them() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let closed = Outbound::new(Policy::default());
    for host in [
        "169.254.169.254",
        "127.0.0.1",
        "localhost",
        "[::1]",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "2130706433",
        "fd00:ec2::254",
        "224.0.0.1",
    ] {
        for service in ["postgresql", "mysql"] {
            let typed = typed(service, host, port);
            let report = match service {
                "mysql" => mysql::test(&closed, &typed.account(), &mut |_| {}).await,
                _ => postgres::test(&closed, &typed.account(), &mut |_| {}).await,
            };
            failed(&report, StepKind::FindHost, Cause::BlockedAddress, &["host"]);
        }
    }
    let called = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(called.is_err(), "nobody may have called");
    let behind =
        typed("postgresql", "db.example", 5432).with("ssh", "password").with("ssh_user", "u");
    let behind = behind.with("ssh_password", "p").with("ssh_host", "169.254.169.254");
    let report = postgres::test(&closed, &behind.account(), &mut |_| {}).await;
    failed(&report, StepKind::FindHost, Cause::BlockedAddress, &["ssh_host"]);
}

/// Answers each caller with `says`, then hangs up or is silent.
async fn server(says: &'static [u8], hangs_up: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.write_all(says).await.ok();
                let mut sink = [0; 1024];
                if hangs_up {
                    let _ = stream.read(&mut sink).await;
                    return;
                }
                while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {}
            });
        }
    });
    port
}

#[tokio::test]
async fn a_server_that_never_answers_ends_within_the_limit_of_its_step() {
    let port = server(b"", false).await;
    let (started, postgresql) = (Instant::now(), typed("postgresql", "127.0.0.1", port));
    let report = postgres::test(&out(), &postgresql.account(), &mut |_| {}).await;
    failed(&report, StepKind::Tls, Cause::Timeout, &["host", "port", "tls"]);
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    let tunnel = postgresql.with("ssh", "password").with("ssh_user", "u").with("ssh_password", "p");
    let tunnel = tunnel.with("ssh_host", "127.0.0.1").with("ssh_port", &port.to_string());
    let report = postgres::test(&out(), &tunnel.account(), &mut |_| {}).await;
    failed(&report, StepKind::Tunnel, Cause::Timeout, &["ssh_host", "ssh_port"]);
}

#[tokio::test]
async fn another_kind_of_server_is_recognised_as_such() {
    let port = server(b"HTTP/1.1 400 Bad Request\r\n\r\n", true).await;
    let report =
        postgres::test(&out(), &typed("postgresql", "127.0.0.1", port).account(), &mut |_| {})
            .await;
    failed(&report, StepKind::Tls, Cause::MalformedAnswer, &["host", "port"]);
    let report = postgres::test(
        &out(),
        &typed("postgresql", "127.0.0.1", port).with("tls", "disable").account(),
        &mut |_| {},
    )
    .await;
    failed(&report, StepKind::SignIn, Cause::MalformedAnswer, &["host", "port"]);
    let report =
        mysql::test(&out(), &typed("mysql", "127.0.0.1", port).account(), &mut |_| {}).await;
    failed(&report, StepKind::Tls, Cause::MalformedAnswer, &["host", "port"]);
    // PostgreSQL without TLS.
    let port = server(b"N", false).await;
    let report =
        postgres::test(&out(), &typed("postgresql", "127.0.0.1", port).account(), &mut |_| {})
            .await;
    failed(&report, StepKind::Tls, Cause::TlsUnsupported, &["tls"]);
}

#[tokio::test]
async fn a_test_that_is_given_up_hangs_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let direct = typed("postgresql", "127.0.0.1", port);
    let tunnel =
        direct.clone().with("ssh", "password").with("ssh_user", "u").with("ssh_password", "p");
    let tunnel = tunnel.with("ssh_host", "127.0.0.1").with("ssh_port", &port.to_string());
    for typed in [direct, tunnel] {
        let given_up = tokio::spawn(async move {
            let (out, account) = (out(), typed.account());
            postgres::test(&out, &account, &mut |_| {}).await
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        // The greeting of SSH has begun by then; of PostgreSQL, the request to encrypt.
        stream.write_all(b"SSH-2.0-Silent\r\n").await.unwrap();
        let mut sink = [0; 4096];
        assert!(stream.read(&mut sink).await.unwrap() > 0);
        given_up.abort();
        let hung_up = async { while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {} };
        tokio::time::timeout(Duration::from_secs(2), hung_up)
            .await
            .expect("the connection is closed");
    }
}

#[tokio::test]
async fn a_whole_test_keeps_to_its_limit_and_the_step_that_hangs_is_the_one_that_fails() {
    let port = server(b"", false).await;
    let started = Instant::now();
    let report = out().test(&typed("postgresql", "127.0.0.1", port).account(), &mut |_| {}).await;
    failed(&report, StepKind::Tls, Cause::Timeout, &["host", "port", "tls"]);
    assert_eq!(line(&report), "FindHost ok, Connect ok, Tls FAILED, SignIn -, Permissions -");
    assert!(started.elapsed() < authorizers::outbound::TEST_LIMIT);
}
