//! Half-filled forms, sealed, while their owners are away.
use diesel::prelude::*;

use crate::crypto::Sealed;
use crate::model::draft::DraftKind;
use crate::model::ids::{DraftId, ServiceId, UserId};
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::schema::drafts;
use super::types::unknown;

/// Nobody goes on with more than these.
const LISTED: i64 = 10;

/// A draft as it lies in the table: what was typed is sealed.
pub struct SealedDraft {
    pub id: DraftId,
    pub user_id: UserId,
    pub kind: DraftKind,
    pub service_id: ServiceId,
    pub sealed: Sealed,
    pub created_at: Moment,
    pub expires_at: Moment,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = drafts)]
struct Row {
    id: String,
    user_id: String,
    kind: String,
    service: String,
    sealed: Vec<u8>,
    sealed_key: String,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<Row> for SealedDraft {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            user_id: row.user_id.into(),
            kind: DraftKind::from_code(&row.kind)
                .ok_or_else(|| unknown("kind of draft", &row.kind))?,
            service_id: ServiceId(row.service),
            sealed: Sealed { bytes: row.sealed, key_id: row.sealed_key },
            created_at: Moment::from_micros(row.created_at),
            expires_at: Moment::from_micros(row.expires_at),
        })
    }
}

pub fn insert(c: &mut AnyConnection, draft: &SealedDraft) -> Result<(), StoreError> {
    diesel::insert_into(drafts::table)
        .values((
            drafts::id.eq(draft.id.as_str()),
            drafts::user_id.eq(draft.user_id.as_str()),
            drafts::kind.eq(draft.kind.code()),
            drafts::service.eq(draft.service_id.as_str()),
            drafts::sealed.eq(&draft.sealed.bytes),
            drafts::sealed_key.eq(&draft.sealed.key_id),
            drafts::created_at.eq(draft.created_at.micros()),
            drafts::expires_at.eq(draft.expires_at.micros()),
        ))
        .execute(c)?;
    Ok(())
}

/// A person's own draft that has not expired: another's is as good as none.
pub fn find(
    c: &mut AnyConnection,
    id: &DraftId,
    user: &UserId,
    now: Moment,
) -> Result<Option<SealedDraft>, StoreError> {
    let row: Option<Row> = drafts::table
        .filter(
            drafts::id
                .eq(id.as_str())
                .and(drafts::user_id.eq(user.as_str()))
                .and(drafts::expires_at.gt(now.micros())),
        )
        .select(Row::as_select())
        .first(c)
        .optional()?;
    row.map(SealedDraft::try_from).transpose()
}

/// A person's own drafts of one kind, the youngest first.
pub fn list(
    c: &mut AnyConnection,
    kind: DraftKind,
    user: &UserId,
    now: Moment,
) -> Result<Vec<SealedDraft>, StoreError> {
    let own = drafts::user_id.eq(user.as_str()).and(drafts::kind.eq(kind.code()));
    let rows: Vec<Row> = drafts::table
        .filter(own.and(drafts::expires_at.gt(now.micros())))
        .order(drafts::id.desc())
        .limit(LISTED)
        .select(Row::as_select())
        .load(c)?;
    rows.into_iter().map(SealedDraft::try_from).collect()
}

/// False if it is not this person's, or gone.
pub fn update(
    c: &mut AnyConnection,
    id: &DraftId,
    user: &UserId,
    sealed: &Sealed,
    expires_at: Moment,
) -> Result<bool, StoreError> {
    let own = drafts::id.eq(id.as_str()).and(drafts::user_id.eq(user.as_str()));
    let changed = diesel::update(drafts::table.filter(own))
        .set((
            drafts::sealed.eq(&sealed.bytes),
            drafts::sealed_key.eq(&sealed.key_id),
            drafts::expires_at.eq(expires_at.micros()),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

pub fn delete(c: &mut AnyConnection, id: &DraftId, user: &UserId) -> Result<bool, StoreError> {
    let own = drafts::id.eq(id.as_str()).and(drafts::user_id.eq(user.as_str()));
    Ok(diesel::delete(drafts::table.filter(own)).execute(c)? == 1)
}

/// Forgets drafts that expired before `before`. The number of those.
pub fn purge(c: &mut AnyConnection, before: Moment) -> Result<usize, StoreError> {
    Ok(diesel::delete(drafts::table.filter(drafts::expires_at.lt(before.micros()))).execute(c)?)
}
