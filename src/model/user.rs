//! People and where they are signed in.
use super::ids::{SessionId, UserId};
use super::role::Role;
use super::time::Moment;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}
super::authorizer::coded!(Theme { System = "system", Light = "light", Dark = "dark" });

#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    /// False until the invitation was used.
    pub has_password: bool,
    pub is_active: bool,
    pub theme: Theme,
    pub created_at: Moment,
    pub last_seen_at: Option<Moment>,
    pub version: i64,
}

impl User {
    /// Somebody who was never here yet, and has a password once one is set.
    pub fn newcomer(id: UserId, (email, name): (&str, &str), role: Role, now: Moment) -> Self {
        Self {
            id,
            email: email.to_owned(),
            name: name.to_owned(),
            role,
            has_password: false,
            is_active: true,
            theme: Theme::System,
            created_at: now,
            last_seen_at: None,
            version: 1,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    pub created_at: Moment,
    pub last_seen_at: Moment,
    pub address: String,
    pub user_agent: String,
}
