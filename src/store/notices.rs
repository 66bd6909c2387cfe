//! What happened that people and webhooks are told of. Written in the transaction of the change it tells of.
use diesel::dsl::{exists, not, select};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::crypto::token;
use crate::model::authorizer::{Authorizer, Health, Lifecycle, Verdict};
use crate::model::cause::Cause;
use crate::model::ids::{AuthorizerId, NoticeId, OAuthAppId, ServiceId, UserId};
use crate::model::notice::{Change, Notice, NoticeKind, change};
use crate::model::time::{DAY, Moment};

use super::StoreError;
use super::authorizers::{attention, read_cause};
use super::conn::AnyConnection;
use super::on_each::on_each;
use super::schema::{authorizers, deliveries, destinations, notices, oauth_apps, sources};
use super::types::{micros, moment, unknown};

/// So many ends are noticed, and so many notices spread, in one round of the duty.
const ROUND: i64 = 200;

#[derive(Queryable, Selectable)]
#[diesel(table_name = notices)]
pub(super) struct Row {
    id: String,
    kind: String,
    authorizer_id: Option<String>,
    oauth_app_id: Option<String>,
    service: String,
    name: String,
    cause: Option<String>,
    ends_at: Option<i64>,
    created_at: i64,
}

impl TryFrom<Row> for Notice {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            kind: NoticeKind::from_code(&row.kind)
                .ok_or_else(|| unknown("kind of notice", &row.kind))?,
            authorizer_id: row.authorizer_id.map(AuthorizerId::from),
            oauth_app_id: row.oauth_app_id.map(OAuthAppId::from),
            service_id: ServiceId(row.service),
            name: row.name,
            cause: read_cause(row.cause.as_deref())?,
            ends_at: moment(row.ends_at),
            created_at: Moment::from_micros(row.created_at),
        })
    }
}

/// `dedupe` names the event: whoever writes it second writes nothing, and is told so by a `false`.
pub fn insert(c: &mut AnyConnection, notice: &Notice, dedupe: &str) -> Result<bool, StoreError> {
    let row = (
        notices::id.eq(notice.id.as_str()),
        notices::kind.eq(notice.kind.code()),
        notices::dedupe.eq(dedupe),
        notices::authorizer_id.eq(notice.authorizer_id.as_ref().map(AuthorizerId::as_str)),
        notices::oauth_app_id.eq(notice.oauth_app_id.as_ref().map(OAuthAppId::as_str)),
        notices::service.eq(notice.service_id.as_str()),
        notices::name.eq(&notice.name),
        notices::cause.eq(notice.cause.map(Cause::code)),
        notices::ends_at.eq(micros(notice.ends_at)),
        notices::created_at.eq(notice.created_at.micros()),
    );
    let written = on_each!(c, |c| diesel::insert_into(notices::table)
        .values(row)
        .on_conflict(notices::dedupe)
        .do_nothing()
        .execute(c))?;
    Ok(written == 1)
}

/// Notes what a verdict changes for people. `old` is the row as it was, locked by this transaction.
pub(super) fn note_health(
    c: &mut AnyConnection,
    old: &Authorizer,
    verdict: &Verdict,
    now: Moment,
) -> Result<(), StoreError> {
    if old.lifecycle != Lifecycle::Active {
        return Ok(());
    }
    match change(old, verdict) {
        Some(Change::Broke) => note_broken(c, old, verdict.cause, now),
        Some(Change::AppRejected) => note_app(c, old, now),
        Some(Change::Works) => note_works(c, old, now),
        None => Ok(()),
    }
}

fn about(authorizer: &Authorizer, kind: NoticeKind, now: Moment) -> Notice {
    Notice {
        id: NoticeId::new(now, token::ten()),
        kind,
        authorizer_id: Some(authorizer.id.clone()),
        oauth_app_id: None,
        service_id: authorizer.service_id.clone(),
        name: authorizer.name.clone(),
        cause: None,
        ends_at: authorizer.ends_at,
        created_at: now,
    }
}

pub(super) fn note_broken(
    c: &mut AnyConnection,
    authorizer: &Authorizer,
    cause: Option<Cause>,
    now: Moment,
) -> Result<(), StoreError> {
    let notice = Notice { cause, ..about(authorizer, NoticeKind::Broken, now) };
    insert(c, &notice, &format!("broken:{}:{}", authorizer.id, now.micros()))?;
    Ok(())
}

/// Once for an app, whose other authorizers are refused for the same reason; again after it was changed.
fn note_app(c: &mut AnyConnection, authorizer: &Authorizer, now: Moment) -> Result<(), StoreError> {
    let Some(app) = &authorizer.oauth_app_id else {
        return Ok(());
    };
    // Two of its authorizers at the same moment: one after the other.
    diesel::update(oauth_apps::table.find(app.as_str()))
        .set(oauth_apps::version.eq(oauth_apps::version))
        .execute(c)?;
    let changed_at: i64 =
        oauth_apps::table.find(app.as_str()).select(oauth_apps::updated_at).first(c)?;
    let told = notices::table
        .filter(
            notices::oauth_app_id
                .eq(app.as_str())
                .and(notices::kind.eq(NoticeKind::AppRejected.code())),
        )
        .filter(notices::created_at.ge(changed_at));
    let others = authorizers::table
        .filter(
            authorizers::oauth_app_id
                .eq(app.as_str())
                .and(authorizers::id.ne(authorizer.id.as_str())),
        )
        .filter(authorizers::attention.eq(attention(Lifecycle::Active, Health::Misconfigured)))
        .filter(authorizers::cause.eq(Cause::AppRejected.code()));
    let is_told: bool = select(exists(told)).get_result(c)?;
    let is_known: bool = select(exists(others)).get_result(c)?;
    if is_told && is_known {
        return Ok(());
    }
    let notice = Notice {
        authorizer_id: None,
        oauth_app_id: Some(app.clone()),
        name: String::new(),
        cause: Some(Cause::AppRejected),
        ends_at: None,
        ..about(authorizer, NoticeKind::AppRejected, now)
    };
    insert(c, &notice, &format!("app:{app}:{}", now.micros()))?;
    Ok(())
}

/// Only whoever was told that it is broken needs to hear that it works.
fn note_works(
    c: &mut AnyConnection,
    authorizer: &Authorizer,
    now: Moment,
) -> Result<(), StoreError> {
    let last: Option<(String, String)> = notices::table
        .filter(notices::authorizer_id.eq(authorizer.id.as_str()))
        .filter(notices::kind.eq_any([NoticeKind::Broken.code(), NoticeKind::Recovered.code()]))
        .order((notices::created_at.desc(), notices::id.desc()))
        .select((notices::id, notices::kind))
        .first(c)
        .optional()?;
    if let Some((broken, _)) = last.filter(|(_, kind)| kind == NoticeKind::Broken.code()) {
        insert(c, &about(authorizer, NoticeKind::Recovered, now), &format!("recovered:{broken}"))?;
    }
    Ok(())
}

/// Working ones whose end lies so many days ahead, and for whose end this was not noted yet. A macro because the type has
/// no name worth writing.
macro_rules! nearing {
    ($kind:expr, $after:expr, $until:expr, $now:expr) => {
        authorizers::table
            .filter(authorizers::attention.eq(attention(Lifecycle::Active, Health::Ok)))
            .filter(authorizers::ends_at.gt($now.plus(DAY.saturating_mul($after)).micros()))
            .filter(authorizers::ends_at.le($now.plus(DAY.saturating_mul($until)).micros()))
            .filter(diesel::dsl::sql::<Bool>(&format!(
                "NOT EXISTS (SELECT 1 FROM notices WHERE notices.dedupe = \
                 '{}:' || authorizers.id || ':' || CAST(authorizers.ends_at AS TEXT))",
                $kind.code()
            )))
    };
}

/// Something is to be noted by [`note_due`].
pub fn is_any_due(c: &mut AnyConnection, now: Moment) -> Result<bool, StoreError> {
    for (kind, after, until) in NoticeKind::DUE {
        let first: Option<String> =
            nearing!(kind, after, until, now).select(authorizers::id).first(c).optional()?;
        if first.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Notes ends that have come near: each of 30, 7 and 1 days once for each end. How many were written.
pub fn note_due(c: &mut AnyConnection, now: Moment) -> Result<usize, StoreError> {
    let mut written = 0;
    for (kind, after, until) in NoticeKind::DUE {
        let found = nearing!(kind, after, until, now).order(authorizers::ends_at).limit(ROUND);
        let ids: Vec<String> = found.select(authorizers::id).load(c)?;
        let ids: Vec<AuthorizerId> = ids.into_iter().map(AuthorizerId::from).collect();
        for authorizer in super::authorizers::find_all(c, &ids)? {
            let Some(end) = authorizer.ends_at else {
                continue;
            };
            let dedupe = format!("{}:{}:{}", kind.code(), authorizer.id, end.micros());
            written += usize::from(insert(c, &about(&authorizer, kind, now), &dedupe)?);
        }
    }
    Ok(written)
}

/// Who made the sources and destinations that use it.
pub fn makers_of_flows(
    c: &mut AnyConnection,
    id: &AuthorizerId,
) -> Result<Vec<UserId>, StoreError> {
    let mut makers: Vec<Option<String>> = sources::table
        .filter(sources::authorizer_id.eq(id.as_str()))
        .select(sources::created_by_id)
        .distinct()
        .load(c)?;
    let more: Vec<Option<String>> = destinations::table
        .filter(destinations::authorizer_id.eq(id.as_str()))
        .select(destinations::created_by_id)
        .distinct()
        .load(c)?;
    makers.extend(more);
    Ok(makers.into_iter().flatten().map(UserId::from).collect())
}

/// Those whose deliveries are still to be made, the oldest first.
pub fn list_unspread(c: &mut AnyConnection) -> Result<Vec<Notice>, StoreError> {
    let rows: Vec<Row> = notices::table
        .filter(notices::spread_at.is_null())
        .order((notices::created_at, notices::id))
        .limit(ROUND)
        .select(Row::as_select())
        .load(c)?;
    rows.into_iter().map(Notice::try_from).collect()
}

/// True for the one who is to make the deliveries, in this same transaction.
pub fn begin_spreading(
    c: &mut AnyConnection,
    id: &NoticeId,
    now: Moment,
) -> Result<bool, StoreError> {
    let unspread = notices::id.eq(id.as_str()).and(notices::spread_at.is_null());
    Ok(diesel::update(notices::table.filter(unspread))
        .set(notices::spread_at.eq(now.micros()))
        .execute(c)?
        == 1)
}

/// Those of the ids that exist, the oldest first.
pub fn find_all(c: &mut AnyConnection, ids: &[NoticeId]) -> Result<Vec<Notice>, StoreError> {
    let ids: Vec<&str> = ids.iter().map(NoticeId::as_str).collect();
    let rows: Vec<Row> = notices::table
        .filter(notices::id.eq_any(ids))
        .order((notices::created_at, notices::id))
        .select(Row::as_select())
        .load(c)?;
    rows.into_iter().map(Notice::try_from).collect()
}

/// Forgets what was told before `before`, with its deliveries; what still waits for somebody is kept.
pub fn purge(c: &mut AnyConnection, before: Moment) -> Result<usize, StoreError> {
    let waiting = deliveries::table
        .filter(deliveries::notice_id.eq(notices::id).and(deliveries::state.eq("waiting")));
    let over = notices::created_at
        .lt(before.micros())
        .and(notices::spread_at.is_not_null())
        .and(not(exists(waiting)));
    Ok(diesel::delete(notices::table.filter(over)).execute(c)?)
}
