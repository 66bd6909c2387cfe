//! What every page of a signed-in visitor shares: title, menu, who is signed in, the last message.
use std::sync::OnceLock;

use actix_web::dev::ResourceMap;

use crate::model::role::Permission;

use super::flash::Flash;
use super::visitor::Visitor;
use super::{paths, wording};

/// Which entry of the menu is current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Authorizers,
    Forecast,
    Sources,
    Destinations,
    Activity,
    Requests,
    OAuthApps,
    Webhooks,
    Members,
    Services,
    Installation,
    Account,
    /// No entry is current: a page that is not there.
    Elsewhere,
}

/// Entries of the menu whose page this build has.
static BUILT: OnceLock<Vec<&'static str>> = OnceLock::new();

/// Looks up once which pages the route table has: the menu leads nowhere else.
pub fn learn(routes: &ResourceMap) {
    let all = [
        paths::authorizers(),
        paths::forecast(),
        paths::sources(),
        paths::destinations(),
        paths::activity(),
        paths::requests(),
        paths::oauth_apps(),
        paths::webhooks(),
        paths::members(),
        paths::services(),
        paths::installation(),
        paths::account(),
    ];
    BUILT.get_or_init(|| all.into_iter().filter(|path| routes.has_resource(path)).collect());
}

fn is_built(path: &str) -> bool {
    BUILT.get().is_none_or(|built| built.contains(&path))
}

pub struct NavItem {
    pub path: &'static str,
    pub icon: &'static str,
    pub text: &'static str,
    pub is_current: bool,
    /// A number beside it, and what it counts.
    pub count: Option<(i64, &'static str)>,
}

pub struct Layout {
    pub title: String,
    pub theme: &'static str,
    pub csrf: String,
    pub nav: Vec<NavItem>,
    pub admin_nav: Vec<NavItem>,
    pub user_name: String,
    pub role: &'static str,
    pub is_account: bool,
    pub has_account: bool,
    pub flash: Option<Flash>,
    pub is_demo: bool,
    /// It looks like a restored copy; true for those who may answer that.
    pub paused: Option<bool>,
}

impl Layout {
    pub fn new(visitor: &Visitor, section: Section, title: &str) -> Self {
        let item =
            |wanted: Section,
             (path, icon, text): (&'static str, &'static str, &'static str),
             count| NavItem { path, icon, text, is_current: wanted == section, count };
        let may = |permission| visitor.actor.may(permission);
        let broken = Some((visitor.attention.broken, "broken")).filter(|(count, _)| *count > 0);
        let open = Some((visitor.open_requests, "open")).filter(|(count, _)| *count > 0);
        let mut nav = vec![
            item(Section::Authorizers, (paths::authorizers(), "key", "Authorizers"), broken),
            item(Section::Forecast, (paths::forecast(), "calendar-due", "Forecast"), None),
            item(Section::Sources, (paths::sources(), "database-export", "Sources"), None),
            item(
                Section::Destinations,
                (paths::destinations(), "database-import", "Destinations"),
                None,
            ),
            item(Section::Activity, (paths::activity(), "activity", "Activity"), None),
        ];
        if may(Permission::AnswerRequests) || may(Permission::RequestAccounts) {
            nav.push(item(Section::Requests, (paths::requests(), "inbox", "Requests"), open));
        }
        let mut admin_nav = Vec::new();
        if may(Permission::ManageOAuthApps) {
            admin_nav.push(item(
                Section::OAuthApps,
                (paths::oauth_apps(), "apps", "OAuth apps"),
                None,
            ));
        }
        if may(Permission::ManageWebhooks) {
            admin_nav.push(item(
                Section::Webhooks,
                (paths::webhooks(), "bell", "Mail and webhooks"),
                None,
            ));
        }
        if may(Permission::ManageMembers) {
            admin_nav.push(item(Section::Members, (paths::members(), "users", "Members"), None));
        }
        if may(Permission::Administer) {
            admin_nav.push(item(
                Section::Services,
                (paths::services(), "list-check", "Services"),
                None,
            ));
            admin_nav.push(item(
                Section::Installation,
                (paths::installation(), "server", "Installation"),
                None,
            ));
        }
        nav.retain(|item| is_built(item.path));
        admin_nav.retain(|item| is_built(item.path));
        Self {
            title: title.to_owned(),
            theme: visitor.actor.theme.code(),
            csrf: visitor.csrf.clone(),
            nav,
            admin_nav,
            user_name: visitor.actor.name.clone(),
            role: wording::role(visitor.actor.role),
            is_account: section == Section::Account,
            has_account: is_built(paths::account()),
            flash: visitor.flash.clone(),
            is_demo: visitor.is_demo,
            paused: visitor.is_paused.then(|| may(Permission::Administer)),
        }
    }
}

/// Pages without a menu: sign-in, set-up, errors of strangers, the way out to a provider.
pub struct Solo {
    pub title: String,
    pub theme: &'static str,
    pub csrf: String,
    pub flash: Option<Flash>,
}

impl Solo {
    pub fn new(title: &str, csrf: &str) -> Self {
        Self { title: title.to_owned(), theme: "system", csrf: csrf.to_owned(), flash: None }
    }

    /// In the colours that the visitor has chosen.
    pub fn of(visitor: &Visitor, title: &str) -> Self {
        Self { theme: visitor.actor.theme.code(), ..Self::new(title, &visitor.csrf) }
    }
}
