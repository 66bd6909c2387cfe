//! Pages about services: choosing one, its guide, and which files are broken.
pub mod choose;
pub mod guide;
pub mod list;

use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;

/// `Sign in or API key`: the ways to authorize a service, in few words.
fn ways(service: &Service) -> String {
    let mut words: Vec<String> = Vec::new();
    for auth in &service.auths {
        let word = way(auth);
        if !words.contains(&word) {
            words.push(if words.is_empty() { word } else { small(&word) });
        }
    }
    words.join(" or ")
}

fn way(auth: &AuthSpec) -> String {
    if auth.oauth2.is_some() { "Sign in".to_owned() } else { auth.label.clone() }
}

/// `Bot token` → `bot token`, but `API key` stays.
fn small(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

/// `source, destination`
fn roles(service: &Service) -> String {
    let source = service.source.is_some().then_some("source");
    let destination = service.destination.is_some().then_some("destination");
    source.into_iter().chain(destination).collect::<Vec<_>>().join(", ")
}
