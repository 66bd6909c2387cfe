//! Each function of the domain refuses exactly the roles that lack a permission, and changes nothing.
use std::collections::BTreeSet;

use authorizers::domain::Error;
use authorizers::model::role::Role;

use super::sources::functions_with_an_actor;
use super::verbs::{Case, OWN, Verb, all};
use super::world::World;

impl Verb {
    fn allows(&self, role: Role) -> bool {
        let mut needed = self.needs.iter().chain(self.further);
        needed.all(|need| role.may(*need)) || self.instead.iter().any(|other| role.may(*other))
    }

    /// Its attempt or request must belong to who calls it.
    fn is_about_own(&self) -> bool {
        ["authorizers::start", "authorizers::complete", "authorizers::other_account", "requests"]
            .iter()
            .any(|module| self.name.starts_with(module))
    }

    async fn call(&self, world: &World, role: Role) -> Result<(), Error> {
        let actor = world.actor(role);
        let case = Case { ctx: world.ctx(), actor: &actor, ids: &world.ids };
        (self.call)(&case).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_function_refuses_the_roles_without_its_permission_and_changes_nothing() {
    let world = World::start().await;
    let mut wrong = Vec::new();
    let mut before = world.app.contents();
    for verb in all() {
        for role in Role::ALL.into_iter().filter(|role| !verb.allows(*role)) {
            if verb.is_about_own() {
                world.give_to(&world.actor(role));
                before = world.app.contents();
            }
            let answer = verb.call(&world, role).await;
            if !matches!(answer, Err(Error::Forbidden(_))) {
                wrong.push(format!("{role:?} is not refused {}: {answer:?}", verb.name));
            }
        }
        let after = world.app.contents();
        if before != after {
            wrong.push(format!("{} changed something", verb.name));
        }
        before = after;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_function_serves_the_roles_with_its_permission() {
    let world = World::start().await;
    let mut wrong = Vec::new();
    for verb in all() {
        for role in Role::ALL.into_iter().filter(|role| verb.allows(*role)) {
            world.give_to(&world.actor(role));
            if let Err(Error::Forbidden(_)) = verb.call(&world, role).await {
                wrong.push(format!("{role:?} is refused {}", verb.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A function without a row fails here, and a row whose permissions the source does not name.
#[test]
fn each_function_that_somebody_calls_has_its_row_and_asks_for_what_the_row_says() {
    let rows = all();
    let mut wrong = Vec::new();
    let functions = functions_with_an_actor();
    for (name, asks) in &functions {
        let own = OWN.contains(&name.as_str());
        let of_it: Vec<&Verb> = rows.iter().filter(|verb| verb.name == name).collect();
        let told: BTreeSet<String> = of_it
            .iter()
            .flat_map(|verb| verb.needs.iter().map(|need| format!("{need:?}")))
            .collect();
        if own != of_it.is_empty() {
            wrong.push(format!("{name} has no row, or one too many"));
        } else if told != *asks {
            wrong.push(format!("{name} asks for {asks:?}, its rows say {told:?}"));
        }
        let asks_nothing = |verb: &&Verb| verb.needs.is_empty() && verb.further.is_empty();
        if of_it.iter().any(asks_nothing) {
            wrong.push(format!("a row of {name} asks for nothing"));
        }
    }
    let named = rows.iter().map(|verb| verb.name).chain(OWN.iter().copied());
    wrong.extend(
        named.filter(|name| !functions.contains_key(*name)).map(|name| format!("no {name}")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
