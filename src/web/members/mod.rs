//! Members: who belongs to this installation, and what each may do. For owners and admins.
pub mod deactivate;
pub mod list;
pub mod new;
pub mod show;

use crate::domain::Actor;
use crate::domain::members::may_manage;
use crate::model::problems::Problems;
use crate::model::role::Role;
use crate::model::user::User;
use crate::web::forms::{FieldState, InputKind};
use crate::web::wording;

/// What a role may do, in a line.
fn role_hint(role: Role) -> &'static str {
    match role {
        Role::Owner => "Everything, the other owners included.",
        Role::Admin => "Everything but the owners: members, OAuth apps, webhooks, services.",
        Role::Editor => {
            "Makes sources and destinations, tests accounts, asks for those that are missing."
        }
        Role::Authorizer => {
            "Authorizes, renews and revokes accounts; sees sources and destinations."
        }
        Role::Viewer => "Sees everything but secrets; changes nothing.",
    }
}

/// The roles that this actor may give.
fn role_field(actor: &Actor, chosen: &str, problems: &Problems) -> FieldState {
    let roles: Vec<Role> = Role::ALL.into_iter().filter(|role| may_manage(actor, *role)).collect();
    let mut field = FieldState::new(InputKind::Choice, "role", "Role")
        .choices(roles.iter().map(|role| (role.code(), wording::role(*role))))
        .value(chosen)
        .problems(problems);
    for (choice, role) in field.choices.iter_mut().zip(roles) {
        choice.hint = Some(role_hint(role).to_owned());
    }
    field
}

/// Where a member stands: class and icon of the badge, and the word.
fn standing(user: &User) -> (&'static str, &'static str, &'static str) {
    match (user.is_active, user.has_password) {
        (false, _) => ("mute", "ban", "Deactivated"),
        (true, false) => ("info", "hourglass", "Invited"),
        (true, true) => ("ok", "circle-check", "Active"),
    }
}
