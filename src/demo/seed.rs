//! Sample authorizers in every state, with sources and destinations that use them.
use std::time::Duration;

use crate::crypto::cipher::Place;
use crate::crypto::{Cipher, token};
use crate::domain::oauth_apps::save::AppForm;
use crate::domain::{Ctx, Error, account, oauth_apps};
use crate::model::authorizer::{Authorizer, EndKind, Health, Identity, Lifecycle};
use crate::model::cause::Cause;
use crate::model::credentials::{Credentials, Secret};
use crate::model::ending::{EndReason, Ending};
use crate::model::flow::{Flow, FlowKind};
use crate::model::ids::{AuthorizerId, ServiceId};
use crate::model::revocation::RevocationOutcome;
use crate::model::time::{DAY, Moment};
use crate::model::values::Values;
use crate::store;

use super::history;
use super::sandbox::{CLIENT_ID, CLIENT_SECRET};

/// One sample: what differs from a working, never ending one.
struct Sample {
    service: &'static str,
    auth: &'static str,
    name: &'static str,
    account: &'static str,
    /// What was typed, so that its form can be walked through.
    typed: &'static [(&'static str, &'static str)],
    health: Health,
    cause: Option<Cause>,
    /// What ends, and in how many days.
    ends: Option<(EndReason, u32)>,
    checked_min_ago: u64,
    sources: &'static [(&'static str, &'static [(&'static str, &'static str)])],
    destinations: &'static [(&'static str, &'static [(&'static str, &'static str)])],
}

const OK: Sample = Sample {
    service: "",
    auth: "oauth",
    name: "",
    account: "",
    typed: &[],
    health: Health::Ok,
    cause: None,
    ends: None,
    checked_min_ago: 40,
    sources: &[],
    destinations: &[],
};

const TABLE: &[(&str, &str)] = &[("mode", "table"), ("schema", "public"), ("table", "orders")];
const TARGET: &[(&str, &str)] = &[("schema", "marketing"), ("table", "daily")];
const CSV: &[(&str, &str)] = &[("bucket", "hp-exports"), ("path", "orders/"), ("format", "csv")];

static SAMPLES: &[Sample] = &[
    Sample {
        service: "google-analytics-4",
        name: "Marketing GA4",
        account: "anna.kovacs@harbourpine.example",
        health: Health::NeedsReauthorization,
        cause: Some(Cause::GrantRevoked),
        checked_min_ago: 12,
        sources: &[
            ("Website sessions", &[("dataset", "custom"), ("path", "/v1beta/accountSummaries")]),
            ("Shop funnel", &[("dataset", "custom"), ("path", "/v1beta/accountSummaries")]),
        ],
        ..OK
    },
    Sample {
        service: "postgresql",
        auth: "password",
        name: "Warehouse",
        account: "etl_writer@db1.harbourpine.example:5432/warehouse",
        typed: &[
            ("host", "db1.harbourpine.example"),
            ("port", "5432"),
            ("tls", "verify_full"),
            ("database", "warehouse"),
            ("user", "etl_writer"),
            ("password", "sample"),
            ("ssh", "off"),
        ],
        health: Health::NeedsReauthorization,
        cause: Some(Cause::LoginRejected),
        checked_min_ago: 60,
        sources: &[("Orders, nightly", TABLE)],
        destinations: &[("Warehouse, schema marketing", TARGET)],
        ends: Some((EndReason::Certificate, 64)),
    },
    Sample {
        service: "meta-ads",
        name: "Brand campaigns",
        account: "Harbour & Pine GmbH",
        health: Health::Misconfigured,
        cause: Some(Cause::MissingScope),
        ends: Some((EndReason::Token, 22)),
        checked_min_ago: 180,
        ..OK
    },
    Sample {
        service: "linkedin-ads",
        name: "Company pages",
        account: "Anna Kovács",
        ends: Some((EndReason::Consent, 9)),
        checked_min_ago: 120,
        sources: &[(
            "Campaign costs",
            &[("dataset", "custom"), ("path", "/rest/adAccounts?q=search")],
        )],
        ..OK
    },
    Sample {
        service: "hubspot",
        name: "HubSpot EU",
        account: "Hub 1448821",
        health: Health::Retrying,
        cause: Some(Cause::ProviderDown),
        checked_min_ago: 4,
        ..OK
    },
    Sample {
        service: "sftp",
        auth: "password",
        name: "Partner drop",
        account: "hp-upload@files.partner.example",
        typed: &[
            ("host", "files.partner.example"),
            ("port", "22"),
            ("user", "hp-upload"),
            ("method", "password"),
            ("password", "sample"),
        ],
        health: Health::Unverified,
        checked_min_ago: 0,
        ..OK
    },
    Sample {
        service: "shopify",
        name: "Web shop",
        account: "harbour-pine.myshopify.com",
        checked_min_ago: 25,
        ..OK
    },
    Sample {
        service: "stripe",
        auth: "key",
        name: "Payments",
        account: "Harbour & Pine GmbH",
        checked_min_ago: 70,
        ..OK
    },
    Sample {
        service: "s3",
        auth: "key",
        name: "Exports bucket",
        account: "hp-exports, eu-central-1",
        typed: &[
            ("access_key_id", "SAMPLEKEYID"),
            ("secret_access_key", "sample"),
            ("region", "eu-central-1"),
            ("bucket", "hp-exports"),
        ],
        checked_min_ago: 150,
        sources: &[("Order files", CSV)],
        ..OK
    },
    Sample {
        service: "mysql",
        auth: "password",
        name: "Old shop database",
        account: "reader@shop-old.harbourpine.example:3306/shop",
        health: Health::Ok,
        checked_min_ago: 28_800,
        ..OK
    },
];

/// Fills a fresh database, with the sandbox's OAuth app registered.
pub async fn seed(ctx: &Ctx) -> Result<(), Error> {
    let owner = account::demo::owner(ctx).await?;
    let app =
        AppForm { client_id: CLIENT_ID.to_owned(), client_secret: Secret::new(CLIENT_SECRET) };
    oauth_apps::save::create(ctx, &owner, &ServiceId::from("sandbox"), app).await?;
    for (index, sample) in SAMPLES.iter().enumerate() {
        let Some(service) = ctx.catalog.get(sample.service) else {
            continue;
        };
        let Some(auth) = service.auth(sample.auth).or_else(|| service.auths.first()) else {
            continue;
        };
        let (row, is_revoked) = authorizer(ctx, sample, &auth.id);
        let sealed = sealed(&ctx.cipher, &row.id, sample)?;
        let flows = flows(ctx, &row, sample);
        let (ending, owner, now) =
            (ending(sample, &row, ctx.clock.now()), owner.clone(), ctx.clock.now());
        ctx.db
            .write(move |c| {
                store::authorizers::insert(c, &row, if is_revoked { None } else { Some(&sealed) })?;
                store::authorizers::update_ending(c, &row.id, &ending)?;
                flows.iter().try_for_each(|flow| store::flows::insert(c, flow))?;
                history::write(c, &owner, (&row, &flows), now)
            })
            .await?;
        tracing::debug!(index, "a sample authorizer was made");
    }
    Ok(())
}

fn authorizer(ctx: &Ctx, sample: &Sample, auth: &str) -> (Authorizer, bool) {
    let now = ctx.clock.now();
    let checked = now.minus(Duration::from_secs(60 * sample.checked_min_ago));
    let is_revoked = sample.name == "Old shop database";
    let is_failing = sample.cause.is_some();
    let row = Authorizer {
        id: AuthorizerId::new(now, token::ten()),
        service_id: ServiceId::from(sample.service),
        auth_id: auth.to_owned(),
        name: sample.name.to_owned(),
        lifecycle: if is_revoked { Lifecycle::Revoked } else { Lifecycle::Active },
        health: sample.health,
        cause: sample.cause,
        cause_fields: Vec::new(),
        detail: sample.cause.map(detail),
        identity: Identity { key: sample.account.to_owned(), label: sample.account.to_owned() },
        granted_scopes: Vec::new(),
        missing_scopes: Vec::new(),
        oauth_app_id: None,
        access_expires_at: None,
        ends_at: None,
        end_kind: EndKind::Unknown,
        first_failed_at: is_failing.then_some(checked),
        last_ok_at: Some(checked.minus(DAY)),
        last_checked_at: (sample.health != Health::Unverified).then_some(checked),
        next_try_at: (sample.health == Health::Retrying)
            .then(|| now.plus(Duration::from_secs(12 * 3600))),
        failure_count: i32::from(is_failing),
        credential_version: 1,
        version: 1,
        revocation: is_revoked.then_some(RevocationOutcome::NoEndpoint),
        created_by: None,
        created_at: consented_at(sample, now),
        updated_at: now,
        revoked_at: is_revoked.then(|| Moment::minus(now, DAY.saturating_mul(20))),
    };
    (row, is_revoked)
}

/// A year before a consent ends, sixty days before a token does.
fn consented_at(sample: &Sample, now: Moment) -> Moment {
    let days_ago = match sample.ends {
        Some((EndReason::Consent, left)) => 365_u32.saturating_sub(left),
        Some((EndReason::Token, left)) => 60_u32.saturating_sub(left),
        _ => 120,
    };
    now.minus(DAY.saturating_mul(days_ago))
}

fn ending(sample: &Sample, row: &Authorizer, now: Moment) -> Ending {
    let is_renewed = sample.service == "shopify";
    Ending {
        at: sample.ends.map(|(_, days)| now.plus(DAY.saturating_mul(days))),
        kind: if sample.ends.is_some() { EndKind::Known } else { EndKind::Unknown },
        reason: sample.ends.map(|(reason, _)| reason),
        consented_at: Some(row.created_at),
        idle_at: is_renewed.then(|| now.plus(DAY.saturating_mul(90))),
    }
}

/// Nothing that would open anything: the samples' accounts do not exist.
fn sealed(
    cipher: &Cipher,
    id: &AuthorizerId,
    sample: &Sample,
) -> Result<crate::crypto::Sealed, Error> {
    let typed = sample.typed.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value)));
    let credentials = Credentials { values: typed.collect(), ..Credentials::default() };
    let place = Place { table: "authorizers", column: "sealed", id: id.as_str() };
    Ok(cipher.seal(place, &credentials.to_sealable())?)
}

fn detail(cause: Cause) -> String {
    match cause {
        Cause::GrantRevoked => "POST https://oauth2.googleapis.com/token → 400 Bad Request {\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}".to_owned(),
        Cause::LoginRejected => "FATAL: password authentication failed for user \"etl_writer\" (SQLSTATE 28P01)".to_owned(),
        Cause::ProviderDown => "GET https://api.hubapi.com/account-info/v3/details → 503 Service Unavailable".to_owned(),
        other => other.code().to_owned(),
    }
}

fn flows(ctx: &Ctx, authorizer: &Authorizer, sample: &Sample) -> Vec<Flow> {
    let make = |kind: FlowKind, name: &str, settings: &[(&str, &str)]| Flow {
        kind,
        id: crate::model::ids::SourceId::new(ctx.clock.now(), token::ten()).to_string(),
        name: name.to_owned(),
        service_id: authorizer.service_id.clone(),
        authorizer_id: authorizer.id.clone(),
        settings: settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect::<Values>(),
        version: 1,
        created_by: None,
        created_at: ctx.clock.now(),
        updated_at: ctx.clock.now(),
    };
    let sources =
        sample.sources.iter().map(|(name, settings)| make(FlowKind::Source, name, settings));
    sources
        .chain(
            sample
                .destinations
                .iter()
                .map(|(name, settings)| make(FlowKind::Destination, name, settings)),
        )
        .collect()
}
