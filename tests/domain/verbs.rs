//! Each public function of the domain that somebody calls, with the permissions that it asks for and
//! a valid call of it.
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

use authorizers::domain::authorizers::{
    complete, delete, edit, enter_credentials, find, forecast, list, other_account, revoke, start,
    test,
};
use authorizers::domain::flows::FlowForm;
use authorizers::domain::webhooks::save::WebhookForm;
use authorizers::domain::{
    Actor, Ctx, Error, activity, calendar, flows, members, notices, oauth_apps, requests,
    service_files, standing, swaps, webhooks,
};
use authorizers::model::authorizer::Filter;
use authorizers::model::callback::CallbackParams;
use authorizers::model::credentials::Secret;
use authorizers::model::flow::{FlowFilter, FlowKind};
use authorizers::model::ids::AuthorizerId;
use authorizers::model::notice::Topic;
use authorizers::model::page::Cursor;
use authorizers::model::role::Permission::{self, *};

use super::world::{Ids, custom_values};

pub struct Case<'a> {
    pub ctx: &'a Ctx,
    pub actor: &'a Actor,
    pub ids: &'a Ids,
}

pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

pub struct Verb {
    /// The module below `domain`, and the function.
    pub name: &'static str,
    /// Asked for in the function itself.
    pub needs: &'static [Permission],
    /// Asked for by what it calls, with this input.
    pub further: &'static [Permission],
    /// One of these is enough where `needs` is not had.
    pub instead: &'static [Permission],
    pub call: for<'a> fn(&'a Case<'a>) -> Answer<'a>,
}

macro_rules! verbs {
    ($($name:literal [$($need:ident)*] $(then [$($further:ident)*])? $(or [$($instead:ident)*])?
        |$c:ident| $call:expr;)+) => {
        vec![$(Verb {
            name: $name,
            needs: &[$($need),*],
            further: &[$($($further),*)?],
            instead: &[$($($instead),*)?],
            call: |$c| Box::pin(async move { Box::pin($call).await.map(|_| ()) }),
        }),+]
    };
}

/// What asks for no permission: it is about the caller's own account, drafts and attempts.
pub const OWN: &[&str] = &[
    "account::profile::change",
    "account::profile::change_email",
    "account::profile::change_password",
    "account::sessions::list",
    "account::sessions::end",
    "account::sessions::end_others",
    "account::sign_in::sign_out",
    "authorizers::complete::find",
    "drafts::save",
    "drafts::find",
    "drafts::list",
    "drafts::delete",
    "notices::settings::own",
    "notices::settings::change",
];

pub fn all() -> Vec<Verb> {
    let mut all = of_authorizers();
    all.extend(of_oauth());
    all.extend(of_flows());
    all.extend(of_members());
    all.extend(of_notices());
    all.extend(of_the_rest());
    all
}

fn of_authorizers() -> Vec<Verb> {
    verbs! {
        "authorizers::delete::delete" [DeleteAuthorizers]
            |c| delete::delete(c.ctx, c.actor, &c.ids.unused, false);
        "authorizers::delete::delete" [DeleteAuthorizers RevokeAuthorizers]
            |c| delete::delete(c.ctx, c.actor, &c.ids.spare, true);
        "authorizers::edit::rename" [EditAuthorizers]
            |c| edit::rename(c.ctx, c.actor, &c.ids.granted, 1, "Ads of Ann");
        "authorizers::edit::edit" [EditAuthorizers]
            |c| edit::edit(c.ctx, c.actor, edited(&c.ids.local, "Moved"));
        "authorizers::edit::edit" [EditAuthorizers SwitchAccounts]
            |c| edit::edit(c.ctx, c.actor, switched(&c.ids.local));
        "authorizers::enter_credentials::enter" [EditAuthorizers]
            |c| enter_credentials::enter(c.ctx, c.actor, new_account());
        "authorizers::find::details" [SeeAuthorizers]
            |c| find::details(c.ctx, c.actor, &c.ids.local, Cursor(None));
        "authorizers::forecast::forecast" [SeeAuthorizers]
            |c| forecast::forecast(c.ctx, c.actor, Cursor(None));
        "authorizers::list::list" [SeeAuthorizers]
            |c| list::list(c.ctx, c.actor, Filter::default(), Cursor(None));
        "authorizers::list::queue" [EditAuthorizers]
            |c| list::queue(c.ctx, c.actor);
        "authorizers::list::choices_for" [SeeAuthorizers]
            |c| list::choices_for(c.ctx, c.actor, &"postgresql".into());
        "authorizers::revoke::blast_radius" [RevokeAuthorizers]
            |c| revoke::blast_radius(c.ctx, c.actor, &c.ids.local);
        "authorizers::revoke::revoke" [RevokeAuthorizers]
            |c| revoke::revoke(c.ctx, c.actor, &c.ids.local);
        "authorizers::test::start" [TestAuthorizers]
            |c| test::start(c.ctx, c.actor, &c.ids.local);
        "authorizers::test::show" [SeeAuthorizers]
            |c| test::show(c.ctx, c.actor, &c.ids.test);
    }
}

fn of_oauth() -> Vec<Verb> {
    use other_account::Choice;
    verbs! {
        "authorizers::start::start" [EditAuthorizers]
            |c| start::start(c.ctx, c.actor, departure());
        "authorizers::start::start" [EditAuthorizers SwitchAccounts]
            |c| start::start(c.ctx, c.actor, moved(&c.ids.custom));
        "authorizers::start::again" [EditAuthorizers]
            |c| start::again(c.ctx, c.actor, &c.ids.failed_attempt, Secret::new("a browser"));
        "authorizers::complete::complete" [EditAuthorizers]
            |c| complete::complete(c.ctx, c.actor, callback(), Some(&Secret::new("a browser")));
        "authorizers::other_account::show" [EditAuthorizers]
            |c| other_account::show(c.ctx, c.actor, &c.ids.other_account);
        "authorizers::other_account::choose" [EditAuthorizers SwitchAccounts]
            |c| other_account::choose(c.ctx, c.actor, &c.ids.other_account, Choice::Switch);
        "authorizers::other_account::choose" [EditAuthorizers]
            |c| other_account::choose(c.ctx, c.actor, &c.ids.other_account, Choice::KeepBoth);
        "authorizers::other_account::choose" [EditAuthorizers]
            |c| other_account::choose(c.ctx, c.actor, &c.ids.other_account, Choice::Cancel);
        "oauth_apps::delete::delete" [ManageOAuthApps]
            |c| oauth_apps::delete::delete(c.ctx, c.actor, &c.ids.unused_app);
        "oauth_apps::find::list" [ManageOAuthApps]
            |c| oauth_apps::find::list(c.ctx, c.actor);
        "oauth_apps::find::owner" [ManageOAuthApps]
            |c| oauth_apps::find::owner(c.ctx, c.actor, &c.ids.shared_app);
        "service_files::compare" [Administer]
            |c| service_files::compare(c.ctx, c.actor);
        "service_files::confirm" [Administer]
            |c| service_files::confirm(c.ctx, c.actor, &"postgresql".into(), &BTreeSet::new());
        "oauth_apps::find::count_own" [ManageOAuthApps]
            |c| oauth_apps::find::count_own(c.ctx, c.actor);
        "oauth_apps::find::one" [ManageOAuthApps]
            |c| oauth_apps::find::one(c.ctx, c.actor, &c.ids.shared_app);
        "oauth_apps::save::create" [ManageOAuthApps]
            |c| oauth_apps::save::create(c.ctx, c.actor, &"slack".into(), app("a-client"));
        "oauth_apps::save::change" [ManageOAuthApps]
            |c| oauth_apps::save::change(c.ctx, c.actor, &c.ids.shared_app, (1, app("another")));
    }
}

fn of_flows() -> Vec<Verb> {
    use FlowKind::{Destination, Source};
    verbs! {
        "flows::create::create" [EditFlows UseAuthorizers]
            |c| flows::create::create(c.ctx, c.actor, &flow(c.ids, Source, "Another"));
        "flows::create::create" [EditFlows UseAuthorizers]
            |c| flows::create::create(c.ctx, c.actor, &flow(c.ids, Destination, "Another"));
        "flows::change::change" [EditFlows UseAuthorizers]
            |c| flows::change::change(
                c.ctx, c.actor, ("local-source", 1), &flow(c.ids, Source, "Renamed"),
            );
        "flows::change::change" [EditFlows UseAuthorizers]
            |c| flows::change::change(
                c.ctx, c.actor, ("local-destination", 1), &flow(c.ids, Destination, "Renamed"),
            );
        "flows::delete::delete" [EditFlows]
            |c| flows::delete::delete(c.ctx, c.actor, Source, "local-source");
        "flows::delete::delete" [EditFlows]
            |c| flows::delete::delete(c.ctx, c.actor, Destination, "local-destination");
        "flows::find::list" [SeeFlows]
            |c| flows::find::list(c.ctx, c.actor, Source, (FlowFilter::default(), Cursor(None)));
        "flows::find::stopped" [SeeFlows]
            |c| flows::find::stopped(c.ctx, c.actor, Source);
        "flows::find::one" [SeeFlows]
            |c| flows::find::one(c.ctx, c.actor, Source, "local-source");
        "flows::read::choices" [UseAuthorizers]
            |c| flows::read::choices(c.ctx, c.actor, &flow(c.ids, Source, "Any"));
        "flows::read::test" [] then [UseAuthorizers]
            |c| flows::read::test(c.ctx, c.actor, &flow(c.ids, Source, "Any"));
        "flows::read::test" [] then [UseAuthorizers]
            |c| flows::read::test(c.ctx, c.actor, &flow(c.ids, Destination, "Any"));
        "flows::read::test_only" [] then [UseAuthorizers]
            |c| flows::read::test_only(c.ctx, c.actor, &flow(c.ids, Source, "Any"));
        "swaps::check::start" [] then [EditFlows UseAuthorizers]
            |c| swaps::check::start(c.ctx, c.actor, &c.ids.local, Some(c.ids.spare.clone()));
        "swaps::find::details" [SeeAuthorizers]
            |c| swaps::find::details(c.ctx, c.actor, &c.ids.swap);
        "swaps::find::undoable" [SeeAuthorizers]
            |c| swaps::find::undoable(c.ctx, c.actor, &c.ids.local);
        "swaps::replace::replace" [] then [EditFlows UseAuthorizers]
            |c| swaps::replace::replace(
                c.ctx, c.actor, &c.ids.swap, swaps::replace::Scope::All,
            );
        "swaps::undo::undo" [] then [EditFlows UseAuthorizers]
            |c| swaps::undo::undo(c.ctx, c.actor, &"swap-1".into());
    }
}

fn of_members() -> Vec<Verb> {
    use members::{activate, change_role, invite, sign_out};
    verbs! {
        "members::activate::deactivate" [ManageMembers]
            |c| activate::deactivate(c.ctx, c.actor, &c.ids.viewer);
        "members::activate::activate" [ManageMembers]
            |c| activate::activate(c.ctx, c.actor, &c.ids.deactivated);
        "members::change_role::change_role" [ManageMembers]
            |c| change_role::change_role(c.ctx, c.actor, &c.ids.viewer, "editor");
        "members::change_role::change_role" [ManageMembers ManageOwners]
            |c| change_role::change_role(c.ctx, c.actor, &c.ids.deactivated, "owner");
        "members::invite::invite" [ManageMembers]
            |c| invite::invite(c.ctx, c.actor, &invitation("new@example.com", "editor"));
        "members::invite::invite" [ManageMembers] then [ManageOwners]
            |c| invite::invite(c.ctx, c.actor, &invitation("newer@example.com", "owner"));
        "members::invite::new_link" [ManageMembers]
            |c| invite::new_link(c.ctx, c.actor, &c.ids.viewer);
        "members::list::list" [ManageMembers]
            |c| members::list::list(c.ctx, c.actor);
        "members::list::find" [ManageMembers]
            |c| members::list::find(c.ctx, c.actor, &c.ids.viewer);
        "members::sign_out::everywhere" [ManageMembers]
            |c| sign_out::everywhere(c.ctx, c.actor, &c.ids.viewer);
    }
}

fn of_notices() -> Vec<Verb> {
    use webhooks::{find, save, send};
    verbs! {
        "notices::test_mail::troubled" [ManageWebhooks]
            |c| notices::test_mail::troubled(c.ctx, c.actor);
        "notices::test_mail::send" [ManageWebhooks]
            |c| notices::test_mail::send(c.ctx, c.actor);
        "webhooks::find::list" [ManageWebhooks]
            |c| find::list(c.ctx, c.actor);
        "webhooks::find::one" [ManageWebhooks]
            |c| find::one(c.ctx, c.actor, &c.ids.webhook);
        "webhooks::find::log" [ManageWebhooks]
            |c| find::log(c.ctx, c.actor, &c.ids.webhook);
        "webhooks::save::create" [ManageWebhooks]
            |c| save::create(c.ctx, c.actor, webhook("Pager"));
        "webhooks::save::change" [] then [ManageWebhooks]
            |c| save::change(c.ctx, c.actor, &c.ids.webhook, (1, webhook("Renamed")));
        "webhooks::save::renew_secret" [] then [ManageWebhooks]
            |c| save::renew_secret(c.ctx, c.actor, &c.ids.webhook);
        "webhooks::send::test" [] then [ManageWebhooks]
            |c| send::test(c.ctx, c.actor, &c.ids.webhook);
        "webhooks::send::again" [] then [ManageWebhooks]
            |c| send::again(c.ctx, c.actor, (
                &c.ids.webhook, &"01990000-0000-7000-8000-000000000000".into(),
            ));
        "webhooks::save::delete" [] then [ManageWebhooks]
            |c| save::delete(c.ctx, c.actor, &c.ids.webhook);
    }
}

fn of_the_rest() -> Vec<Verb> {
    verbs! {
        "activity::list::list" [SeeActivity]
            |c| activity::list::list(c.ctx, c.actor, Default::default(), Cursor(None));
        "activity::list::people" [SeeActivity]
            |c| activity::list::people(c.ctx, c.actor);
        "calendar::make" [SeeAuthorizers]
            |c| calendar::make(c.ctx, c.actor);
        "calendar::since" [SeeAuthorizers]
            |c| calendar::since(c.ctx, c.actor);
        "calendar::stop" [SeeAuthorizers]
            |c| calendar::stop(c.ctx, c.actor);
        "requests::ask::ask" [RequestAccounts]
            |c| requests::ask::ask(c.ctx, c.actor, "postgresql", "Another shop");
        "requests::list::list" [RequestAccounts] or [AnswerRequests]
            |c| requests::list::list(c.ctx, c.actor, true, Cursor(None));
        "requests::list::find" [RequestAccounts] or [AnswerRequests]
            |c| requests::list::find(c.ctx, c.actor, &c.ids.request);
        "requests::answer::answer" [AnswerRequests]
            |c| requests::answer::answer(c.ctx, c.actor, &c.ids.request, (true, "Done."));
        "standing::confirm" [Administer]
            |c| standing::confirm(c.ctx, c.actor);
    }
}

fn edited(id: &AuthorizerId, name: &str) -> edit::Edit {
    let values = [
        ("host", "127.0.0.1"),
        ("port", "1"),
        ("database", "another"),
        ("user", "etl"),
        ("password", "hush"),
        ("tls", "require"),
        ("ssh", "off"),
    ];
    edit::Edit {
        id: id.clone(),
        version: 1,
        name: name.to_owned(),
        values: secrets(&values),
        is_tested: false,
        may_switch: false,
    }
}

/// Lets the account live on another host.
fn switched(id: &AuthorizerId) -> edit::Edit {
    let mut form = edited(id, "Moved");
    form.values.insert("host".to_owned(), Secret::new("127.0.0.9"));
    edit::Edit { may_switch: true, ..form }
}

fn new_account() -> enter_credentials::NewCredentials {
    enter_credentials::NewCredentials {
        service_id: "stripe".into(),
        auth_id: "key".to_owned(),
        name: "Payments".to_owned(),
        values: secrets(&[("api_key", "sk_test_1")]),
        is_tested: false,
    }
}

fn departure() -> start::Start {
    start::Start {
        service_id: "acme-reports".into(),
        auth_id: "oauth".to_owned(),
        name: String::new(),
        values: BTreeMap::new(),
        authorizer_id: None,
        draft_id: None,
        asks_for_all: false,
        may_switch: false,
        browser: Secret::new("a browser"),
    }
}

/// Reauthorizes at another address.
fn moved(id: &AuthorizerId) -> start::Start {
    let mut values = custom_values();
    values.insert("base_url".to_owned(), Secret::new("https://elsewhere.example.com/"));
    start::Start {
        service_id: "custom-oauth2".into(),
        authorizer_id: Some(id.clone()),
        values,
        may_switch: true,
        ..departure()
    }
}

fn callback() -> CallbackParams {
    CallbackParams::parse("state=unknown&code=x")
}

fn app(client_id: &str) -> oauth_apps::save::AppForm {
    oauth_apps::save::AppForm {
        client_id: client_id.to_owned(),
        client_secret: Secret::new("a new secret"),
    }
}

fn flow(ids: &Ids, kind: FlowKind, name: &str) -> FlowForm {
    let settings = match kind {
        FlowKind::Source => vec![("mode", "table"), ("schema", "public"), ("table", "orders")],
        FlowKind::Destination => vec![("schema", "public"), ("table", "orders")],
    };
    FlowForm {
        kind,
        service_id: "postgresql".into(),
        name: name.to_owned(),
        authorizer_id: Some(ids.local.clone()),
        settings: settings.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
    }
}

fn invitation(email: &str, role: &str) -> members::invite::Invite {
    members::invite::Invite { name: String::new(), email: email.to_owned(), role: role.to_owned() }
}

fn webhook(name: &str) -> WebhookForm {
    WebhookForm {
        name: name.to_owned(),
        url: "https://127.0.0.1:1/hook".to_owned(),
        topics: Topic::ALL.to_vec(),
        is_active: true,
    }
}

fn secrets(values: &[(&str, &str)]) -> BTreeMap<String, Secret> {
    values.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value))).collect()
}
