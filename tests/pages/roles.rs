//! Each address answers exactly the roles that may see or do what is there, whatever is drawn.
use std::collections::BTreeSet;

use authorizers::model::role::Role;
use reqwest::Method;

use super::addresses::{self, Form, OWN, PUBLIC, routed};
use crate::domain::world::World;
use crate::support::client::Client;
use crate::support::form;
use crate::support::page::Page;

const FORM: &str = "application/x-www-form-urlencoded";

fn letter(role: Role) -> char {
    match role {
        Role::Owner => 'O',
        Role::Admin => 'A',
        Role::Editor => 'E',
        Role::Authorizer => 'Z',
        Role::Viewer => 'V',
    }
}

fn may(roles: &str, role: Role) -> bool {
    roles.contains(letter(role))
}

async fn token(client: &Client) -> String {
    let page = client.get("/account").await;
    page.attr("input[name=csrf]", "value").unwrap_or_else(|| panic!("{}", page.shown()))
}

/// A form with all that a person sends, but for the token of the session.
struct Complete {
    form: Form,
    content_type: String,
    body: String,
}

const TOKEN: &str = "the-token-of-the-session";

impl Complete {
    /// As the owner's page draws it.
    async fn drawn(owner: &Client, form: Form) -> Self {
        let Some(drawn) = &form.drawn else {
            let body = format!("csrf={TOKEN}");
            return Self { form, content_type: FORM.to_owned(), body };
        };
        let page = owner.get(&drawn.path).await.expect(200);
        let changes = drawn.changes.iter().map(|(name, value)| (*name, value.as_str()));
        // Some buttons are drawn only after a test has failed; the form takes them all the same.
        let (buttons, changes): (Vec<_>, Vec<_>) = changes.partition(|(name, _)| *name == "action");
        let mut filled = form::Form::filled(&page, drawn.css, &changes);
        for field in &mut filled.fields {
            match field.name.as_str() {
                "csrf" => field.value = TOKEN.to_owned(),
                "action" if !buttons.is_empty() => field.value = buttons[0].1.to_owned(),
                _ => {}
            }
        }
        let (content_type, body) = filled.body();
        Self { form, content_type, body }
    }

    async fn all(world: &World, owner: &Client) -> Vec<Self> {
        let mut all = Vec::new();
        for form in addresses::sent_by_roles(&world.ids) {
            all.push(Self::drawn(owner, form).await);
        }
        all
    }

    async fn send(&self, client: &Client, token: &str) -> Page {
        let body = self.body.replace(TOKEN, token);
        client.post(&self.form.path, &self.content_type, &body).await
    }
}

/// Who drew the forms is the one who set the app up.
async fn start() -> (World, Client) {
    let world = World::start().await;
    let owner = world.app.sign_in("owner@example.com").await;
    (world, owner)
}

async fn signed_in(world: &World, role: Role) -> Client {
    world.app.sign_in(&format!("{}@example.com", role.code())).await
}

fn give_attempts(world: &World, role: Role) {
    world.app.database.execute(&format!(
        "UPDATE attempts SET user_id = (SELECT id FROM users WHERE email = '{}@example.com')",
        role.code()
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_is_shown_to_exactly_the_roles_that_may_see_it() {
    let (world, _) = start().await;
    let mut wrong = Vec::new();
    for role in Role::ALL {
        let client = signed_in(&world, role).await;
        give_attempts(&world, role);
        let before = world.app.contents();
        for read in addresses::read_by_roles(&world.ids) {
            let page = client.with(Method::GET, &read.path, &[], "").await;
            // A callback of nobody is refused in words.
            let is_answered = page.status < 400 || page.status == 409;
            let is_right = if may(read.roles, role) { is_answered } else { page.status == 403 };
            if !is_right {
                wrong.push(format!("{role:?} GET {}: {}", read.path, page.status));
            }
        }
        if before != world.app.contents() {
            wrong.push(format!("reading as {role:?} changed something"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_form_of_a_role_that_may_not_send_it_is_refused_and_changes_nothing() {
    let (world, owner) = start().await;
    let forms = Complete::all(&world, &owner).await;
    let mut wrong = Vec::new();
    for role in Role::ALL {
        let client = signed_in(&world, role).await;
        let token = token(&client).await;
        give_attempts(&world, role);
        let mut before = world.app.contents();
        for complete in forms.iter().filter(|complete| !may(complete.form.roles, role)) {
            let page = complete.send(&client, &token).await;
            let after = world.app.contents();
            if page.status != 403 || before != after {
                wrong.push(format!("{role:?} POST {}: {}", complete.form.path, page.status));
            }
            before = after;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the test above sends is complete: the owner sends the same, and it is done.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_forms_are_taken_from_the_owner() {
    let (world, owner) = start().await;
    let mut wrong = Vec::new();
    let token = token(&owner).await;
    for form in addresses::sent_by_roles(&world.ids) {
        // Drawn when it is its turn: versions rise.
        let Complete { form, content_type, body } = Complete::drawn(&owner, form).await;
        let body = body.replace(TOKEN, &token);
        let page = owner.post(&form.path, &content_type, &body).await;
        let unsaid = [
            // Nothing is kept of an attempt of long ago.
            "/oauth/attempts/{id}/again",
            // There is no mail server.
            "/webhooks/test-mail",
            // Nobody listens where they lead.
            "/sources/{id}/test",
            "/destinations/{id}/test",
            // No service file was changed.
            "/services/{id}/hosts",
        ];
        let is_right = page.status < 400 || unsaid.contains(&form.pattern);
        if !is_right || page.status == 403 || page.status >= 500 {
            wrong.push(format!("POST {}: {} {}", form.path, page.status, page.shown()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_role_that_may_send_a_form_is_told_that_it_may_not() {
    let (world, _) = start().await;
    let mut wrong = Vec::new();
    for role in [Role::Admin, Role::Editor, Role::Authorizer] {
        let client = signed_in(&world, role).await;
        let csrf = token(&client).await;
        let forms = addresses::sent_by_roles(&world.ids);
        give_attempts(&world, role);
        for form in forms.iter().filter(|form| may(form.roles, role)) {
            let body = format!("csrf={csrf}");
            let page = client.post(&form.path, FORM, &body).await;
            if page.status == 403 {
                wrong.push(format!("{role:?} POST {}: {}", form.path, page.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_form_without_its_token_or_without_a_session_changes_nothing() {
    let (world, owner) = start().await;
    let mut wrong = Vec::new();
    let stranger = world.app.anonymous();
    let page = stranger.get("/sign-in").await.expect(200);
    let theirs = page.attr("input[name=csrf]", "value").expect("a token");
    let mut before = world.app.contents();
    for complete in Complete::all(&world, &owner).await {
        let statuses = [
            complete.send(&owner, "bm90IGl0").await.status,
            complete.send(&stranger, &theirs).await.status,
        ];
        let after = world.app.contents();
        if statuses != [403, 401] || before != after {
            wrong.push(format!("POST {}: {statuses:?}", complete.form.path));
        }
        before = after;
    }
    for read in addresses::read_by_roles(&world.ids) {
        let page = stranger.with(Method::GET, &read.path, &[], "").await;
        let to = page.header("location").unwrap_or_default();
        if page.status != 303 || !to.starts_with("/sign-in?back=") {
            wrong.push(format!("GET {} without a session: {} {to}", read.path, page.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_forms_of_the_attempt_of_another_person_are_not_found() {
    let (world, owner) = start().await;
    let admin = signed_in(&world, Role::Admin).await;
    let csrf = token(&admin).await;
    let mut wrong = Vec::new();
    for read in addresses::read_by_roles(&world.ids) {
        if read.pattern.starts_with("/oauth/attempts/") {
            let status = admin.get(&read.path).await.status;
            if status != 404 {
                wrong.push(format!("GET {}: {status}", read.path));
            }
        }
    }
    let forms = addresses::sent_by_roles(&world.ids);
    for form in forms.into_iter().filter(|form| form.pattern.starts_with("/oauth/attempts/")) {
        let complete = Complete::drawn(&owner, form).await;
        let before = world.app.contents();
        let status = complete.send(&admin, &csrf).await.status;
        if status != 404 || before != world.app.contents() {
            wrong.push(format!("POST {}: {status}", complete.form.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    owner.get(&format!("/oauth/attempts/{}", world.ids.other_account)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_has_its_row_and_each_row_its_route() {
    let (world, _) = start().await;
    let mut rows: BTreeSet<String> =
        PUBLIC.iter().chain(OWN).map(|row| (*row).to_owned()).collect();
    rows.extend(
        addresses::read_by_roles(&world.ids).iter().map(|read| format!("GET {}", read.pattern)),
    );
    rows.extend(
        addresses::sent_by_roles(&world.ids).iter().map(|form| format!("POST {}", form.pattern)),
    );
    let routed = routed();
    let without_a_row: Vec<_> = routed.difference(&rows).collect();
    let without_a_route: Vec<_> = rows.difference(&routed).collect();
    assert!(
        without_a_row.is_empty() && without_a_route.is_empty(),
        "{without_a_row:?} {without_a_route:?}"
    );
}
