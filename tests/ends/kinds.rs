//! Each kind of end: from the file, from the answer, from tokens, from certificates; the earliest one counts.
use std::process::Command;

use authorizers::catalog::{Catalog, Service};
use authorizers::domain::authorizers::ending::{self, Since};
use authorizers::model::authorizer::EndKind;
use authorizers::model::credentials::{Credentials, Secret, Tokens};
use authorizers::model::ending::{EndReason, Ending};
use authorizers::model::time::{DAY, Moment};

const NOW: Moment = Moment::from_micros(1_800_000_000_000_000);

fn in_days(days: u32) -> Moment {
    NOW.plus(DAY * days)
}

fn hours(hours: u32) -> std::time::Duration {
    std::time::Duration::from_secs(3600 * u64::from(hours))
}

/// A service whose `[lifetime]` says this.
fn service(lifetime: &str) -> Service {
    let text = std::fs::read_to_string(
        crate::support::server::root().join("tests/data/services/acme-reports.toml"),
    )
    .unwrap();
    let text = text.replace("reauthorize_days = 365\nknown = true\n", lifetime);
    let catalog = Catalog::of(&[("acme-reports.toml", &text)], false);
    assert!(catalog.broken().is_empty(), "{}", catalog.broken()[0]);
    catalog.get("acme-reports").unwrap().clone()
}

fn tokens(refresh: bool, expires: Option<Moment>, told: Option<Moment>) -> Tokens {
    Tokens {
        access: Secret::new("a"),
        refresh: refresh.then(|| Secret::new("r")),
        expires_at: expires,
        refresh_expires_at: told,
        issued_at: NOW,
        scopes: vec![],
    }
}

fn ends(lifetime: &str, tokens: Tokens) -> Ending {
    let service = service(lifetime);
    let credentials = Credentials { tokens: Some(tokens), ..Credentials::default() };
    ending::of(&service, &service.auths[0], &credentials, Since::Consent(NOW))
}

fn shown(ending: &Ending) -> (Option<Moment>, EndKind, Option<EndReason>, Option<Moment>) {
    (ending.at, ending.kind, ending.reason, ending.idle_at)
}

#[test]
fn a_consent_ends_as_the_file_says_whatever_the_tokens_do() {
    let hour = Some(NOW.plus(hours(1)));
    let found = ends("reauthorize_days = 365\nknown = true\n", tokens(true, hour, None));
    assert_eq!(shown(&found), (Some(in_days(365)), EndKind::Known, Some(EndReason::Consent), None));
    let found = ends("reauthorize_days = 365\n", tokens(true, hour, None));
    assert_eq!(
        shown(&found),
        (Some(in_days(365)), EndKind::Estimated, Some(EndReason::Consent), None)
    );
    assert_eq!(found.consented_at, Some(NOW));
}

#[test]
fn an_idle_limit_that_is_kept_alive_is_no_end() {
    let found =
        ends("idle_days = 14\nknown = true\n", tokens(true, Some(NOW.plus(hours(1))), None));
    assert_eq!(shown(&found), (None, EndKind::Unknown, None, Some(in_days(14))));
    // Five years are an end all the same.
    let found = ends(
        "reauthorize_days = 1825\nidle_days = 100\nknown = true\n",
        tokens(true, Some(NOW.plus(hours(1))), None),
    );
    assert_eq!(
        shown(&found),
        (Some(in_days(1825)), EndKind::Known, Some(EndReason::Consent), Some(in_days(100)))
    );
    // Nobody renews a token in time whose end nobody knows.
    let found = ends("idle_days = 90\nknown = true\n", tokens(true, None, None));
    assert_eq!(shown(&found), (Some(in_days(90)), EndKind::Estimated, Some(EndReason::Idle), None));
}

#[test]
fn an_access_token_that_nothing_renews_is_the_end() {
    let found = ends("", tokens(false, Some(in_days(60)), None));
    assert_eq!(shown(&found), (Some(in_days(60)), EndKind::Known, Some(EndReason::Token), None));
    let found =
        ends("reauthorize_days = 365\nknown = true\n", tokens(false, Some(in_days(60)), None));
    assert_eq!(found.at, Some(in_days(60)), "the earlier one");
    assert_eq!(shown(&ends("", tokens(false, None, None))), (None, EndKind::Unknown, None, None));
}

#[test]
fn an_end_that_was_told_is_known_and_the_earliest_counts() {
    let hour = Some(NOW.plus(hours(1)));
    let found =
        ends("reauthorize_days = 365\nknown = true\n", tokens(true, hour, Some(in_days(200))));
    assert_eq!(shown(&found), (Some(in_days(200)), EndKind::Known, Some(EndReason::Answer), None));
    let found =
        ends("reauthorize_days = 100\nknown = true\n", tokens(true, hour, Some(in_days(200))));
    assert_eq!(found.reason, Some(EndReason::Consent));
    // The file says that renewing moves it.
    let found = ends("idle_days = 100\n", tokens(true, hour, Some(in_days(100))));
    assert_eq!(shown(&found), (None, EndKind::Unknown, None, Some(in_days(100))));
}

#[test]
fn two_answers_tell_whether_an_end_moves() {
    let service = service("");
    let refreshed = |days_told: u32, was_moving: bool, gone_by: std::time::Duration| {
        let old = tokens(true, Some(NOW.plus(hours(1))), Some(in_days(20)));
        let now = NOW.plus(gone_by);
        let told = Moment::from_micros(in_days(days_told).micros());
        let told =
            if days_told == 20 { told } else { told.plus(gone_by).minus(DAY * (days_told - 20)) };
        let new = Tokens {
            issued_at: now,
            expires_at: Some(now.plus(hours(1))),
            refresh_expires_at: Some(told),
            ..old.clone()
        };
        let credentials = Credentials { tokens: Some(new), ..Credentials::default() };
        let since = Since::Refresh { consented_at: NOW, before: &old, was_moving };
        ending::of(&service, &service.auths[0], &credentials, since)
    };
    assert_eq!(
        shown(&ends("", tokens(true, Some(NOW.plus(hours(1))), Some(in_days(20))))).3,
        Some(in_days(20)),
        "not known yet"
    );
    assert_eq!(refreshed(20, true, hours(1)).reason, Some(EndReason::Answer), "it stood still");
    assert_eq!(refreshed(21, false, hours(1)).at, None, "it moved with the time");
    let at_once = std::time::Duration::from_secs(3);
    assert_eq!(refreshed(20, true, at_once).at, None, "seconds tell nothing");
    assert_eq!(refreshed(20, false, at_once).at, Some(in_days(20)));
}

/// A certificate in PEM that lives so long; of an authority or not.
fn certificate(days: u32, is_authority: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-subj",
        "/CN=x",
    ]);
    openssl.args(["-days", &days.to_string(), "-addext"]).arg(
        format!("basicConstraints=CA:{is_authority}")
            .to_uppercase()
            .replace("BASICCONSTRAINTS", "basicConstraints"),
    );
    openssl.arg("-keyout").arg(folder.path().join("key"));
    let made = openssl.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap()
}

#[test]
fn a_certificate_that_was_uploaded_ends_what_needs_it() {
    let catalog = Catalog::load(None, false);
    let service = catalog.get("postgresql").unwrap();
    let ends = |pem: &str| {
        let values = [("password", "hush"), ("ca", pem)];
        let values =
            values.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value))).collect();
        let credentials = Credentials { values, ..Credentials::default() };
        ending::of(service, service.auth("password").unwrap(), &credentials, Since::Consent(NOW))
    };
    let of = |pem: &str| ends(pem).at.expect("an end");
    let (short, long) = (certificate(10, true), certificate(400, true));
    let one = ends(&short);
    assert_eq!((one.kind, one.reason), (EndKind::Known, Some(EndReason::Certificate)));
    assert!(of(&long).since(of(&short)) > DAY * 380);
    let both = ends(&format!("# ours\n{short}\n# theirs\n{long}"));
    assert_eq!(
        (both.at, both.kind),
        (ends(&long).at, EndKind::Estimated),
        "which of two authorities is in use is not known"
    );
    assert_eq!(ends("").at, None);
    assert_eq!(ends("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----").at, None);
}
