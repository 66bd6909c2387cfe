//! Authorizers: a page a file.
pub mod app_missing;
pub mod attempt;
pub mod callback;
pub mod delete;
pub mod edit;
pub mod forecast;
pub mod form;
pub mod leaving;
pub mod list;
pub mod other_account;
pub mod queue;
pub mod reauthorize;
pub mod revoke;
pub mod set_up;
pub mod show;
pub mod test;
mod timeline;

/// Under the name: the service, and whose account it is.
pub fn lead(service: &str, account: &str) -> String {
    if account.is_empty() { service.to_owned() } else { format!("{service} · {account}") }
}
