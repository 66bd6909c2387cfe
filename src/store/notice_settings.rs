//! What each person wants to be told of by mail.
use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::model::ids::UserId;
use crate::model::notice::{MailMode, NoticeSettings, Topic};
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::on_each::on_each;
use super::schema::notice_settings;
use super::types::{from_json, to_json, unknown};

pub(super) fn read_topics(json: &str) -> Result<Vec<Topic>, StoreError> {
    let codes: Vec<String> = from_json(json)?;
    codes.iter().map(|code| Topic::from_code(code).ok_or_else(|| unknown("topic", code))).collect()
}

pub(super) fn write_topics(topics: &[Topic]) -> Result<String, StoreError> {
    to_json(&topics.iter().map(|topic| topic.code()).collect::<Vec<_>>())
}

fn read(mode: &str, topics: &str) -> Result<NoticeSettings, StoreError> {
    let mode = MailMode::from_code(mode).ok_or_else(|| unknown("mode of mail", mode))?;
    Ok(NoticeSettings { mode, topics: read_topics(topics)? })
}

/// The defaults for whoever chose nothing.
pub fn find(c: &mut AnyConnection, id: &UserId) -> Result<NoticeSettings, StoreError> {
    let row: Option<(String, String)> = notice_settings::table
        .find(id.as_str())
        .select((notice_settings::mode, notice_settings::topics))
        .first(c)
        .optional()?;
    row.map_or_else(|| Ok(NoticeSettings::default()), |(mode, topics)| read(&mode, &topics))
}

/// Of all who chose something. A team is small.
pub fn all(c: &mut AnyConnection) -> Result<BTreeMap<String, NoticeSettings>, StoreError> {
    let rows: Vec<(String, String, String)> = notice_settings::table
        .select((notice_settings::user_id, notice_settings::mode, notice_settings::topics))
        .load(c)?;
    rows.into_iter().map(|(id, mode, topics)| Ok((id, read(&mode, &topics)?))).collect()
}

pub fn put(
    c: &mut AnyConnection,
    id: &UserId,
    settings: &NoticeSettings,
    now: Moment,
) -> Result<(), StoreError> {
    let row = (
        notice_settings::user_id.eq(id.as_str()),
        notice_settings::mode.eq(settings.mode.code()),
        notice_settings::topics.eq(write_topics(&settings.topics)?),
        notice_settings::updated_at.eq(now.micros()),
    );
    on_each!(c, |c| diesel::insert_into(notice_settings::table)
        .values(row)
        .on_conflict(notice_settings::user_id)
        .do_update()
        .set((
            notice_settings::mode.eq(excluded(notice_settings::mode)),
            notice_settings::topics.eq(excluded(notice_settings::topics)),
            notice_settings::updated_at.eq(excluded(notice_settings::updated_at)),
        ))
        .execute(c))?;
    Ok(())
}
