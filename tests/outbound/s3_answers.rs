//! Storage that answers as no storage should: slowly, without an end, with a redirect, with our secret in it.
use std::time::{Duration, Instant};

use authorizers::model::cause::Cause;
use authorizers::model::report::Report;
use authorizers::outbound::probe::s3;

use super::account::{Typed, settings};
use super::connected::{out, patient};
use crate::support::fake::{End, Fake, Reply};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const LIST: &str = r#"<?xml version="1.0"?><ListBucketResult><Name>b</Name></ListBucketResult>"#;

fn typed(fake: &Fake) -> Typed {
    let keys = [
        ("access_key_id", "AKIDEXAMPLE"),
        ("secret_access_key", SECRET),
        ("region", "us-east-1"),
        ("bucket", "b-1"),
    ];
    keys.iter()
        .fold(Typed::new("s3", &[]), |typed, (key, value)| typed.with(key, value))
        .with("endpoint", &fake.url(""))
}

async fn test(out: &authorizers::outbound::Outbound, typed: &Typed) -> Report {
    s3::test(out, &typed.account(), &mut |_| {}).await
}

fn xml(status: u16, code: &str, message: &str) -> Reply {
    Reply::new(
        status,
        "application/xml",
        format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
    )
}

#[tokio::test]
async fn what_storage_says_is_told_as_what_it_is_and_the_next_test_passes() {
    let (fake, other) = (Fake::start().await, Fake::start().await);
    let typed = typed(&fake);
    for (name, reply, cause) in [
        ("a page", Reply::html(200), Cause::MalformedAnswer),
        ("nothing", Reply::new(200, "application/xml", ""), Cause::MalformedAnswer),
        ("a gateway's page", Reply::html(502), Cause::ProviderDown),
        ("too fast", xml(503, "SlowDown", "Reduce your request rate."), Cause::RateLimited),
        ("a wrong secret", xml(403, "SignatureDoesNotMatch", "no"), Cause::SecretRejected),
        (
            "a redirect",
            Reply::html(307).header("Location", &other.url("/b-1/")),
            Cause::MalformedAnswer,
        ),
        (
            "endless",
            Reply::new(200, "application/xml", vec![b' '; 1 << 16]).ending(End::Endless),
            Cause::AnswerTooLarge,
        ),
    ] {
        fake.answers("/b-1/", reply).answers("/b-1/", Reply::new(200, "application/xml", LIST));
        let report = test(&out(), &typed).await;
        assert_eq!(
            report.failure().and_then(|step| step.cause),
            Some(cause),
            "{name}: {report:#?}"
        );
        assert!(test(&out(), &typed).await.is_ok(), "after {name}");
    }
    assert!(other.seen().is_empty(), "a signed request went elsewhere");
    assert!(fake.sent() < 32 << 20, "{} bytes were taken in", fake.sent());
}

#[tokio::test]
async fn a_list_of_a_thousand_long_names_is_read() {
    let fake = Fake::start().await;
    let name = "n".repeat(900);
    let object = |number| format!("<Contents><Key>{name}{number}</Key></Contents>");
    let objects: String = (0..1000).map(object).collect();
    let list = format!("<ListBucketResult><Name>b</Name>{objects}</ListBucketResult>");
    fake.answers("/b-1/", Reply::new(200, "application/xml", list));
    let report = test(&out(), &typed(&fake)).await;
    assert!(report.is_ok(), "{report:#?}");
}

#[tokio::test]
async fn silent_storage_is_given_up_in_time() {
    let fake = Fake::start().await;
    let (hurried, started) = (patient(Duration::from_millis(400)), Instant::now());
    fake.answers("/b-1/", Reply::silent())
        .answers("/b-1/", Reply::new(200, "application/xml", LIST).ending(End::Stalls));
    for name in ["silent", "stalls"] {
        let report = test(&hurried, &typed(&fake)).await;
        assert_eq!(
            report.failure().and_then(|step| step.cause),
            Some(Cause::Timeout),
            "{name}: {report:#?}"
        );
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn storage_that_says_the_secret_back_is_not_quoted() {
    let fake = Fake::start().await;
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    for filler in (250..310).step_by(3).chain((440..520).step_by(7)) {
        let spelled = if filler % 2 == 0 { SECRET } else { &encoded };
        let text = format!("{}{spelled}", ". ".repeat(filler / 2 + 1));
        for reply in [Reply::new(400, "text/plain", text.clone()), xml(400, "Odd", &text)] {
            fake.answers("/b-1/", reply);
            let said = format!("{:?}", test(&out(), &typed(&fake)).await);
            assert!(!said.contains("wJalrX"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_bucket_is_no_way_to_another_host() {
    let fake = Fake::start().await;
    let named = typed(&fake).with("endpoint", &fake.url("").replace("127.0.0.1", "localhost"));
    for bad in ["127.0.0.1/x", "evil.example#", "a@evil.example", "evil:80"] {
        let shown =
            s3::preview(&out(), &named.account(), &settings(&[("bucket", bad), ("path", "x.csv")]))
                .await;
        assert!(shown.is_err(), "{bad}");
        let path = fake.last().path;
        assert!(
            path.starts_with('/')
                && path.ends_with("/x.csv")
                && fake.last().header("host").starts_with("localhost"),
            "{path}"
        );
    }
}
