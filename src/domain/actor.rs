//! Who acts.
use crate::model::ids::{SessionId, UserId};
use crate::model::role::{Permission, Role};
use crate::model::user::Theme;

/// A signed-in person, as of this request.
#[derive(Clone, Debug)]
pub struct Actor {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub theme: Theme,
}

/// Refused: the role does not have the permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this role may not do that")]
pub struct Forbidden;

impl Actor {
    pub fn may(&self, permission: Permission) -> bool {
        self.role.may(permission)
    }

    pub fn must(&self, permission: Permission) -> Result<(), Forbidden> {
        if self.may(permission) { Ok(()) } else { Err(Forbidden) }
    }
}
