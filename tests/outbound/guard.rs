//! The guard: what may be called is decided on the address that is dialled, however the host was written.
use std::time::Duration;

use authorizers::catalog::http::Method;
use authorizers::model::cause::Cause;
use authorizers::model::report::{Fault, StepKind};
use authorizers::outbound::Outbound;
use authorizers::outbound::dial::{self, Marks};
use authorizers::outbound::http::{HttpAnswer, HttpBody, HttpCall};
use authorizers::outbound::policy::{Kind, Policy};
use authorizers::outbound::probe::{mysql, postgres, s3, sftp};
use serde_json::json;

use super::account::{Typed, failed};
use crate::support::fake::{Fake, Reply};

/// Ways of writing an address of this machine or of its neighbours, and of what clouds tell their machines.
const INSIDE: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0177.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "0.0.0.0",
    "0",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "[::]",
    "[::1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::1]",
    "[2002:a9fe:a9fe::]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "100.100.100.200",
    "168.63.129.16",
    "localhost",
    "LOCALHOST",
];

/// Of networks that machines of one owner share.
const PRIVATE: &[&str] = &[
    "10.0.0.1",
    "192.168.1.1",
    "172.16.0.1",
    "0xa000001",
    "100.64.0.1",
    "[fd12::1]",
    "[::ffff:10.0.0.1]",
    "[2002:a00:1::1]",
];

fn opened(networks: &[&str]) -> Outbound {
    Outbound::new(Policy { allow: networks.iter().map(|net| net.parse().unwrap()).collect() })
}

pub async fn get(out: &Outbound, url: &str) -> Result<HttpAnswer, Fault> {
    let url = url::Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    let (limit, headers) =
        (Duration::from_secs(2), vec![("Authorization".to_owned(), "Bearer s3cret".to_owned())]);
    out.http()
        .send(HttpCall {
            method: Method::Get,
            url,
            headers,
            body: HttpBody::Empty,
            limit,
            max_bytes: 1 << 20,
        })
        .await
}

async fn cause_of(out: &Outbound, url: &str) -> Cause {
    match get(out, url).await {
        Ok(answer) => panic!("{url} was called: {}", answer.status),
        Err(fault) => fault.cause,
    }
}

#[tokio::test]
async fn addresses_inside_are_not_called_however_they_are_written() {
    let fake = Fake::start().await;
    let closed = opened(&[]);
    for host in INSIDE.iter().chain(PRIVATE) {
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://{host}:{}/", fake.address.port());
            assert_eq!(cause_of(&closed, &url).await, Cause::BlockedAddress, "{url}");
        }
    }
    assert!(fake.seen().is_empty(), "somebody got through");
}

#[tokio::test]
async fn one_opened_network_opens_no_other() {
    let fake = Fake::start().await;
    let out = opened(&["10.0.0.0/8"]);
    for host in INSIDE {
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://{host}:{}/", fake.address.port());
            assert_eq!(cause_of(&out, &url).await, Cause::BlockedAddress, "{url}");
        }
    }
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn what_the_operator_opened_is_called_by_number_and_by_name() {
    let fake = Fake::start().await;
    let port = fake.address.port();
    for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "localhost"] {
        fake.answers("/me", Reply::json(200, &json!({ "id": 1 })));
        let url = format!("http://{host}:{port}/me");
        assert_eq!(cause_of(&opened(&[]), &url).await, Cause::BlockedAddress, "{url}");
        let answer = get(&opened(&["127.0.0.0/8"]), &url).await;
        assert_eq!(answer.unwrap_or_else(|fault| panic!("{url}: {fault:?}")).status, 200, "{url}");
    }
    assert_eq!(fake.seen().len(), 4, "a refused call must not arrive");
}

#[tokio::test]
async fn plain_http_is_refused_outside_of_what_was_opened() {
    let out = opened(&["127.0.0.0/8"]);
    for url in [
        "http://93.184.216.34/",
        "http://[2606:4700::1111]/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
    ] {
        assert_eq!(cause_of(&out, url).await, Cause::BlockedAddress, "{url}");
    }
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_told_as_that() {
    assert_eq!(cause_of(&opened(&[]), "https://no-such-host.invalid/").await, Cause::HostUnknown);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (fake, other) = (Fake::start().await, Fake::start().await);
    let out = opened(&["127.0.0.0/8"]);
    for status in [301, 302, 303, 307, 308] {
        fake.answers(
            "/token",
            Reply::new(status, "text/plain", "over there").header("Location", &other.url("/catch")),
        );
        let answer = get(&out, &fake.url("/token")).await.expect("the redirect itself");
        assert_eq!(answer.status, status);
    }
    assert!(other.seen().is_empty(), "a token went along");
    fake.answers("/token", Reply::json(200, &json!({})));
    assert!(get(&out, &fake.url("/token")).await.expect("an answer").is_success());
}

fn typed(service: &'static str, host: &str, port: u16) -> Typed {
    let port = port.to_string();
    let url = format!("http://{host}:{port}");
    let keys = [
        ("access_key_id", "AKIDEXAMPLE"),
        ("secret_access_key", "s3cret-s3cret"),
        ("path_style", "true"),
        ("region", "us-east-1"),
    ];
    let login = [
        ("host", host),
        ("port", &port),
        ("user", "u"),
        ("password", "p"),
        ("database", "d"),
        ("endpoint", &url),
    ];
    login
        .iter()
        .chain(&keys)
        .fold(Typed::new(service, &[]), |typed, (key, value)| typed.with(key, value))
}

async fn first_failure(service: &'static str, host: &str, port: u16) -> (StepKind, Cause) {
    let (closed, typed) = (opened(&[]), typed(service, host, port));
    let account = typed.account();
    let report = match service {
        "postgresql" => postgres::test(&closed, &account, &mut |_| {}).await,
        "mysql" | "mariadb" => mysql::test(&closed, &account, &mut |_| {}).await,
        "s3" => s3::test(&closed, &account, &mut |_| {}).await,
        _ => sftp::test(&closed, &account, &mut |_| {}).await,
    };
    let step = report.failure().unwrap_or_else(|| panic!("{service} at {host}: {report:#?}"));
    (step.kind, step.cause.expect("a cause"))
}

#[tokio::test]
async fn databases_storage_and_ssh_never_call_this_machine_or_metadata() {
    let fake = Fake::start().await;
    for service in ["postgresql", "mysql", "mariadb", "s3", "sftp"] {
        for host in INSIDE {
            let seen = first_failure(service, host, fake.address.port()).await;
            assert_eq!(seen, (StepKind::FindHost, Cause::BlockedAddress), "{service} at {host}");
        }
    }
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn an_ssh_host_in_front_of_a_database_is_guarded_as_well() {
    for host in ["169.254.169.254", "localhost", "[64:ff9b::a9fe:a9fe]"] {
        let typed =
            typed("postgresql", "db.example", 5432).with("ssh", "password").with("ssh_user", "u");
        let typed = typed.with("ssh_password", "p").with("ssh_host", host);
        let report = postgres::test(&opened(&[]), &typed.account(), &mut |_| {}).await;
        failed(&report, StepKind::FindHost, Cause::BlockedAddress, &["ssh_host"]);
    }
}

#[tokio::test]
async fn databases_may_be_on_private_networks_and_http_services_may_not() {
    let (closed, marks) = (opened(&[]), Marks { host: "host", port: "port" });
    for host in PRIVATE.iter().filter(|host| !host.starts_with("0x")) {
        assert!(dial::find(closed.policy(), host, 5432, marks).await.is_ok(), "{host}");
        let http = dial::find_for(closed.policy(), Kind::Http, (host, 443), marks).await;
        assert_eq!(http.expect_err(host).cause, Cause::BlockedAddress, "{host}");
    }
}
