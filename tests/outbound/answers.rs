//! Answers that are too long, too slow, cut off or not what was asked for: told as what they are, in time, and the next
//! call through the same client works.
use std::time::{Duration, Instant};

use authorizers::catalog::http::Method;
use authorizers::clock::Clock;
use authorizers::model::cause::Cause;
use authorizers::model::report::{Fault, StepKind, StepVerdict};
use authorizers::outbound::Outbound;
use authorizers::outbound::api::{self, Ask};
use authorizers::outbound::http::{HttpBody, HttpCall};
use authorizers::outbound::policy::Policy;
use serde_json::{Value, json};

use super::connected::{Connected, out, patient, refused};
use crate::support::fake::{End, Fake, Reply};

const ME: &str = "/plain.test/me";

async fn ask(out: &Outbound, fake: &Fake) -> Result<Value, Fault> {
    let plain = Connected::plain(fake, "", "").holds("acc3ss-token", "");
    api::ask(out, &plain.account(), &Default::default(), Ask::get("/me")).await
}

/// The fault of `reply`; the call after it must succeed.
async fn fault_of(out: &Outbound, fake: &Fake, reply: Reply) -> Fault {
    fake.answers(ME, reply).answers(ME, Reply::json(200, &json!({ "id": 7 })));
    let fault = refused(ask(out, fake).await, "a broken answer");
    let again = ask(out, fake).await;
    assert_eq!(again, Ok(json!({ "id": 7 })), "the next call, after {fault:?}");
    fault
}

#[tokio::test]
async fn an_endless_answer_is_cut_early() {
    let fake = Fake::start().await;
    let fault = fault_of(
        &out(),
        &fake,
        Reply::new(200, "application/json", vec![b' '; 1 << 16]).ending(End::Endless),
    )
    .await;
    assert_eq!(fault.cause, Cause::AnswerTooLarge, "{fault:?}");
    assert!(fault.detail.unwrap().contains("larger than we read (1 MB)"));
    assert!(fake.sent() < 32 << 20, "{} bytes were taken in", fake.sent());
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_huge_one_is_cut() {
    let fake = Fake::start().await;
    let bomb = Reply::new(200, "application/json", vec![b' '; 8 << 20]).zipped();
    let fault = fault_of(&out(), &fake, bomb).await;
    assert_eq!(fault.cause, Cause::AnswerTooLarge, "{fault:?}");
    assert!(fault.detail.unwrap().contains("larger than we read (1 MB)"));
    assert!(fake.sent() < 1 << 20, "what went over the wire was small");
}

#[tokio::test]
async fn an_answer_that_is_packed_is_unpacked() {
    let fake = Fake::start().await;
    fake.answers(ME, Reply::json(200, &json!({ "id": 7 })).zipped());
    assert_eq!(ask(&out(), &fake).await, Ok(json!({ "id": 7 })));
}

#[tokio::test]
async fn silence_and_a_body_that_stalls_end_in_time() {
    let fake = Fake::start().await;
    let started = Instant::now();
    for reply in [Reply::silent(), Reply::json(200, &json!({ "id": 7 })).ending(End::Stalls)] {
        let fault = fault_of(&patient(Duration::from_millis(400)), &fake, reply).await;
        assert_eq!(fault.cause, Cause::Timeout, "{fault:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_is_broken_on_the_way_is_told_as_that() {
    let fake = Fake::start().await;
    let json = |status| Reply::json(status, &json!({ "error": "no" }));
    for (name, reply, cause) in [
        ("cut off", Reply::json(200, &json!({ "id": 7 })).ending(End::CutOff), Cause::ProviderDown),
        ("not JSON", Reply::new(200, "application/json", "{\"id\": 7"), Cause::MalformedAnswer),
        ("HTML", Reply::html(200), Cause::MalformedAnswer),
        ("empty", Reply::new(200, "application/json", ""), Cause::MalformedAnswer),
        (
            "not UTF-8",
            Reply::new(200, "application/json", vec![0xff, 0xfe, 0]),
            Cause::MalformedAnswer,
        ),
        (
            "broken gzip",
            Reply::new(200, "text/plain", "no gzip").header("Content-Encoding", "gzip"),
            Cause::ProviderDown,
        ),
        (
            "a redirect",
            Reply::html(302).header("Location", &fake.url("/elsewhere")),
            Cause::MalformedAnswer,
        ),
        ("a gateway's page", Reply::html(502), Cause::ProviderDown),
        ("401", json(401), Cause::TokenExpired),
        ("403", json(403), Cause::Forbidden),
        ("404", json(404), Cause::UnknownObject),
        ("418", json(418), Cause::RequestRejected),
        ("429", json(429), Cause::RateLimited),
    ] {
        let fault = fault_of(&out(), &fake, reply).await;
        assert_eq!(fault.cause, cause, "{name}: {fault:?}");
        let said = fault.detail.unwrap_or_default();
        assert!(said.contains(ME), "{name} does not say where: {said}");
    }
    assert!(fake.seen().iter().all(|seen| seen.path == ME), "the redirect was followed");
}

#[tokio::test]
async fn the_wait_that_a_service_asks_for_is_kept() {
    let fake = Fake::start().await;
    let fault =
        fault_of(&out(), &fake, Reply::json(429, &json!({})).header("Retry-After", "17")).await;
    assert_eq!((fault.cause, fault.retry_after), (Cause::RateLimited, Some(17)));
}

#[tokio::test]
async fn a_server_that_is_gone_is_told() {
    let gone = Fake::gone().await;
    let fault = refused(ask(&out(), &gone).await, "nobody listens");
    assert_eq!(fault.cause, Cause::PortRefused, "{fault:?}");
}

#[tokio::test]
async fn a_test_names_the_step_that_broke_and_passes_when_it_is_mended() {
    let fake = Fake::start().await;
    let out = out();
    let plain = Connected::plain(&fake, "", "").holds("acc3ss-token", "");
    fake.answers(ME, Reply::html(200)).answers(ME, Reply::json(200, &json!({ "email": "a@b.c" })));
    fake.answers(ME, Reply::json(200, &json!({ "id": 7, "email": "a@b.c" })));
    for cause in [Some(Cause::MalformedAnswer), Some(Cause::Forbidden), None] {
        let report = out.test(&plain.account(), &mut |_| {}).await;
        assert_eq!(report.failure().and_then(|step| step.cause), cause, "{report:#?}");
        assert_eq!(report.identity.is_some(), cause.is_none(), "a 2xx alone proves nothing");
        let last = report
            .steps
            .iter()
            .find(|step| step.kind == StepKind::Identity)
            .expect("the step of the file");
        assert_eq!(last.verdict == StepVerdict::Failed, cause.is_some());
    }
    assert!(
        fake.seen()
            .iter()
            .all(|seen| seen.method == "GET"
                && seen.header("authorization") == "Bearer acc3ss-token")
    );
}

#[tokio::test]
async fn an_answer_may_be_as_large_as_was_asked_for_and_no_larger() {
    let (fake, out) = (Fake::start().await, out());
    for (length, is_read) in [(1000, true), (1001, false)] {
        fake.answers("/sized", Reply::new(200, "text/plain", "x".repeat(length)));
        let call = HttpCall {
            method: Method::Get,
            url: fake.url("/sized").parse().unwrap(),
            headers: Vec::new(),
            body: HttpBody::Empty,
            limit: Duration::from_secs(5),
            max_bytes: 1000,
        };
        let answer = out.http().send(call).await;
        assert_eq!(answer.is_ok(), is_read, "{length} bytes");
        if let Err(fault) = answer {
            assert_eq!((fault.cause, fault.is_in_doubt), (Cause::AnswerTooLarge, true));
        }
    }
}

#[tokio::test]
async fn a_call_ends_at_its_own_limit_or_at_that_of_all_calls() {
    let fake = Fake::start().await;
    fake.answers_otherwise(Reply::silent());
    let policy = || Policy { allow: vec!["127.0.0.0/8".parse().unwrap()] };
    let short = Duration::from_millis(300);
    let patient = Outbound::new(policy());
    let hasty = Outbound::with_patience(policy(), Clock::System, short);
    for (out, limit) in [(&patient, short), (&hasty, Duration::from_secs(30))] {
        let begun = Instant::now();
        let ask = Ask { limit, ..Ask::get("/me") };
        let asked =
            api::ask(out, &Connected::plain(&fake, "", "").account(), &Default::default(), ask)
                .await;
        assert_eq!(asked.unwrap_err().cause, Cause::Timeout);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
