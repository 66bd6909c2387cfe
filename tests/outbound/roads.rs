//! Every road out of the house passes the guard: signing in, renewing, revoking, testing, loading, reading and writing.
use authorizers::catalog::field::Load;
use authorizers::model::cause::Cause;
use authorizers::model::report::{Fault, Report};
use authorizers::outbound::policy::Policy;
use authorizers::outbound::{Outbound, api};
use serde_json::json;

use super::account::settings;
use super::connected::{Connected, out, refused};
use crate::support::fake::{Fake, Reply};

const REVOKE: &str = r#"
[auth.oauth2.revoke]
url = "https://plain.test/revoke"
params = { token = "{token}" }
"#;

fn first(report: &Report) -> Option<Cause> {
    report.failure().and_then(|step| step.cause)
}

#[tokio::test]
async fn no_road_leads_inside() {
    let fake = Fake::start().await;
    let closed = Outbound::new(Policy::default());
    let plain = Connected::plain(&fake, "", REVOKE).holds("acc3ss-token", "r3fresh-token");
    let account = plain.account();
    let load: Load = toml::from_str("get = \"/me\"\nvalue = \"/id\"\nlabel = \"/id\"").unwrap();
    let me = settings(&[("dataset", "me")]);
    let revoked = closed.revoke(&account).await.fault.map_or(Ok(()), Err);
    let faults: [(&str, Fault); 6] = [
        ("exchange", refused(plain.exchange(&closed, &[]).await, "exchange")),
        ("refresh", refused(closed.refresh(&account).await.tokens, "refresh")),
        ("revoke", refused(revoked, "revoke")),
        ("choices", refused(closed.choices(&account, &load, &me).await, "choices")),
        ("preview", refused(closed.preview(&account, &me).await, "preview")),
        ("a call", refused(api::ask(&closed, &account, &me, api::Ask::get("/me")).await, "a call")),
    ];
    for (road, fault) in faults {
        assert_eq!(fault.cause, Cause::BlockedAddress, "{road}: {fault:?}");
    }
    assert_eq!(first(&closed.test(&account, &mut |_| {}).await), Some(Cause::BlockedAddress));
    assert_eq!(
        first(&closed.test_write(&account, &me, &mut |_| {}).await),
        Some(Cause::BlockedAddress)
    );
    assert!(fake.seen().is_empty(), "{:?}", fake.seen());
}

fn custom(token: &str, identity: &str) -> Connected {
    let typed = [
        ("client_id", "cl:ient"),
        ("client_secret", "s3cret-s3cret"),
        ("authorize_url", "https://login.example.com/authorize"),
        ("exchange_url", token),
        ("base_url", identity),
        ("identity_url", identity),
        ("identity_pointer", "/id"),
        ("label_pointer", "/id"),
        ("scopes", "read"),
    ];
    typed
        .iter()
        .fold(Connected::real("custom-oauth2"), |custom, (key, value)| custom.typed(key, value))
}

#[tokio::test]
async fn addresses_that_a_person_types_are_guarded_as_well() {
    let fake = Fake::start().await;
    let closed = Outbound::new(Policy::default());
    let port = fake.address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1",
    ] {
        for scheme in ["http", "https"] {
            let inside = custom(
                &format!("{scheme}://{host}:{port}/token"),
                &format!("{scheme}://{host}:{port}/me"),
            );
            let fault = refused(inside.exchange(&closed, &[]).await, host);
            assert_eq!(fault.cause, Cause::BlockedAddress, "{scheme}://{host}: {fault:?}");
            let inside = inside.holds("a", "r");
            assert_eq!(
                refused(closed.refresh(&inside.account()).await.tokens, host).cause,
                Cause::BlockedAddress,
                "{host}"
            );
            let report = closed.test(&inside.account(), &mut |_| {}).await;
            assert_eq!(
                first(&report),
                Some(Cause::BlockedAddress),
                "{scheme}://{host}: {report:#?}"
            );
        }
    }
    for odd in
        ["file:///etc/passwd", "gopher://127.0.0.1/", "https://user:pw@login.example.com/token"]
    {
        let fault =
            refused(custom(odd, "https://api.example.com").exchange(&closed, &[]).await, odd);
        assert!(!fault.cause.is_passing(), "{odd}: {fault:?}");
    }
    assert!(fake.seen().is_empty());
    let opened = custom(&fake.url("/token"), &fake.url("/me"));
    fake.answers("/token", Reply::json(200, &json!({ "access_token": "a" })))
        .answers("/me", Reply::json(200, &json!({ "id": 1 })));
    assert!(opened.exchange(&out(), &[]).await.is_ok(), "the operator opened it");
}

#[tokio::test]
async fn what_no_header_may_hold_is_not_sent() {
    let fake = Fake::start().await;
    for bad in ["acc3ss\r\nX-Evil: 1", "acc3ss\ntoken", "acc3ss\0"] {
        let plain = Connected::plain(&fake, "", "").holds(bad, "");
        let fault = refused(
            api::ask(&out(), &plain.account(), &Default::default(), api::Ask::get("/me")).await,
            bad,
        );
        assert_eq!(fault.cause, Cause::RequestRejected, "{fault:?}");
        assert!(!format!("{fault:?}").contains("acc3ss"));
    }
    assert!(fake.seen().is_empty(), "{:?}", fake.seen());
}
