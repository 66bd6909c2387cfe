//! The five roles over every permission, and over every page and verb about people.
use authorizers::model::role::{Permission as P, Role};

use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::server::root;

/// Owner, Admin, Editor, Authorizer, Viewer, as product and README say it.
const MATRIX: [(P, &str); 17] = [
    (P::SeeAuthorizers, "OAEZV"),
    (P::UseAuthorizers, "OAEZ"),
    (P::TestAuthorizers, "OAEZ"),
    (P::EditAuthorizers, "OAZ"),
    (P::RevokeAuthorizers, "OAZ"),
    (P::DeleteAuthorizers, "OAZ"),
    (P::SwitchAccounts, "OA"),
    (P::ManageOAuthApps, "OA"),
    (P::ManageWebhooks, "OA"),
    (P::SeeFlows, "OAEZV"),
    (P::EditFlows, "OAE"),
    (P::RequestAccounts, "OAE"),
    (P::AnswerRequests, "OAZ"),
    (P::SeeActivity, "OAEZV"),
    (P::ManageMembers, "OA"),
    (P::ManageOwners, "O"),
    (P::Administer, "OA"),
];

fn letter(role: Role) -> char {
    match role {
        Role::Owner => 'O',
        Role::Admin => 'A',
        Role::Editor => 'E',
        Role::Authorizer => 'Z',
        Role::Viewer => 'V',
    }
}

/// The permissions as the source lists them.
fn listed() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("src/model/role.rs")).expect("the roles");
    let list = text.split("pub enum Permission {").nth(1).expect("the permissions");
    let list = list.split("\n}").next().expect("their end");
    let names = list.lines().map(str::trim).filter_map(|line| line.strip_suffix(','));
    names.map(str::to_owned).collect()
}

#[test]
fn the_matrix_has_each_permission_once() {
    let rows: Vec<String> =
        MATRIX.iter().map(|(permission, _)| format!("{permission:?}")).collect();
    assert_eq!(rows, listed());
}

#[test]
fn each_role_has_its_permissions_and_no_other() {
    for (permission, who) in MATRIX {
        for role in Role::ALL {
            assert_eq!(role.may(permission), who.contains(letter(role)), "{role:?} {permission:?}");
        }
    }
}

async fn token(client: &Client) -> String {
    client.get("/account").await.expect(200).attr("input[name=csrf]", "value").expect("a token")
}

with_app! {
    async fn pages_and_verbs_about_people_are_refused_to_those_who_may_not(app: TestApp) {
        app.set_up().await;
        let editor = app.person(Role::Editor).await;
        editor.get("/requests/new").await;
        let asked = editor.submit("form#request", &[("service", "postgresql"), ("note", "The shop")]).await.expect(200);
        let request = asked.path();
        let pages = [
            ("/members", "OA"), ("/members/new", "OA"), ("/members/user-viewer", "OA"), ("/members/user-viewer/deactivate", "OA"),
            ("/requests", "OAEZ"), ("/requests/new", "OAE"), (request.as_str(), "OAEZ"), ("/activity", "OAEZV"), ("/account", "OAEZV"),
        ];
        let posts = [
            ("/members/new", "OA"), ("/members/user-viewer/role", "OA"), ("/members/user-viewer/link", "OA"),
            ("/members/user-viewer/sign-out", "OA"), ("/members/user-viewer/deactivate", "OA"), ("/members/user-viewer/activate", "OA"),
            ("/requests/new", "OAE"), (request.as_str(), "OAZ"),
        ];
        app.person(Role::Viewer).await;
        // The viewer last: what the others may do ends the viewer's sessions.
        for role in Role::ALL {
            let client = app.person(role).await;
            for (path, who) in pages {
                let status = client.get(path).await.status;
                assert_eq!(status != 403, who.contains(letter(role)), "{role:?} GET {path}: {status}");
            }
            let csrf = token(&client).await;
            for (path, who) in posts {
                let body = format!("csrf={csrf}&role=viewer&name=x");
                let status = client.post(path, "application/x-www-form-urlencoded", &body).await.status;
                assert_eq!(status != 403, who.contains(letter(role)), "{role:?} POST {path}: {status}");
                assert_ne!(status, 500, "{role:?} POST {path}");
            }
        }
    }

    async fn an_admin_does_not_touch_owners(app: TestApp) {
        app.set_up().await;
        let owner = app.database.value("SELECT id AS value FROM users WHERE role = 'owner'");
        let admin = app.person(Role::Admin).await;
        let page = admin.get(&format!("/members/{owner}")).await.expect(200);
        assert!(!page.has("form#role-form") && page.shown().contains("Only an owner changes owners"), "{}", page.shown());
        admin.get("/members/new").await;
        assert!(!admin.page().has("input[name=role][value=owner]"), "an admin is offered to make owners");
        let csrf = token(&admin).await;
        for path in ["role", "link", "sign-out", "deactivate", "activate"] {
            let body = format!("csrf={csrf}&role=viewer");
            let page = admin.post(&format!("/members/{owner}/{path}"), "application/x-www-form-urlencoded", &body).await;
            assert_eq!(page.status, 403, "{path}");
        }
        for (path, body) in [("/members/user-admin/role", "role=owner"), ("/members/new", "email=new@example.com&role=owner")] {
            let body = format!("csrf={csrf}&{body}");
            let page = admin.post(path, "application/x-www-form-urlencoded", &body).await;
            assert_eq!(page.status, 403, "{path} {body}");
        }
        assert_eq!(app.database.count("users"), 2);
    }
}
