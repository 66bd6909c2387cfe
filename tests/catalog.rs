//! The service files that come with the program, and those that an operator adds.
use std::fs;
use std::path::Path;

use authorizers::catalog::{Catalog, embedded};

mod lint;
mod lint_secrets;
mod requests;

fn names_in(folder: &str) -> Vec<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog").join(folder);
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn listed(list: &[(&str, &str)]) -> Vec<String> {
    list.iter().map(|(name, _)| (*name).to_owned()).collect()
}

#[test]
fn every_file_in_the_folders_is_embedded_in_order() {
    assert_eq!(listed(embedded::SERVICES), names_in("services"));
    assert_eq!(listed(embedded::SETS), names_in("sets"));
}

#[test]
fn every_embedded_service_lints_clean() {
    let catalog = Catalog::load(None, true);
    let broken: Vec<String> = catalog.broken().iter().map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(catalog.all().len(), embedded::SERVICES.len());
}

#[test]
fn a_server_on_this_machine_may_speak_plain_http_and_no_other_may() {
    let file = include_str!("data/services/acme-reports.toml");
    let broken = |text: &str| {
        Catalog::of(&[("acme-reports.toml", text)], false)
            .broken()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(broken(file), Vec::<String>::new());
    assert!(!broken(&file.replace("127.0.0.2:1", "10.0.0.2:1")).is_empty());
}

#[test]
fn a_folder_of_the_operator_adds_and_overrides() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("acme-crm.toml"), lint::example()).unwrap();
    let other = embedded::SERVICES.iter().find(|(id, _)| *id == "hubspot").unwrap().1.replacen(
        "\"HubSpot\"",
        "\"Our HubSpot\"",
        1,
    );
    fs::write(dir.path().join("hubspot.toml"), other).unwrap();
    fs::write(dir.path().join("notes.txt"), "not a service").unwrap();
    let catalog = Catalog::load(Some(dir.path()), false);
    assert!(catalog.broken().is_empty(), "{:?}", catalog.broken());
    assert_eq!(catalog.all().len(), embedded::SERVICES.len() + 1);
    assert_eq!(catalog.get("hubspot").unwrap().head.name, "Our HubSpot");
    assert_eq!(catalog.get("acme-crm").unwrap().head.name, "Acme CRM");
}

#[test]
fn a_broken_file_disables_its_own_service_only() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("hubspot.toml"), "schema = 1\n[service]\nid = 5\n").unwrap();
    fs::write(dir.path().join("acme-crm.toml"), lint::example()).unwrap();
    let catalog = Catalog::load(Some(dir.path()), false);
    assert!(
        catalog.get("hubspot").is_none(),
        "an override that cannot be read must not fall back silently"
    );
    assert!(catalog.get("acme-crm").is_some() && catalog.get("postgresql").is_some());
    let fault = catalog.broken().first().unwrap();
    assert!(fault.file.ends_with("hubspot.toml"), "{}", fault.file);
    assert_eq!(fault.line, Some(3));
}

#[test]
fn a_folder_that_is_not_there_is_told_and_takes_nothing_away() {
    let catalog = Catalog::load(Some(Path::new("/nonexistent/services")), false);
    assert_eq!(catalog.broken().len(), 1);
    assert!(catalog.broken().first().unwrap().problem.contains("cannot be read"));
    assert_eq!(catalog.all().len(), embedded::SERVICES.len());
}

#[test]
fn a_file_that_is_not_text_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("blob.toml"), [0xff, 0xfe, 0x00]).unwrap();
    let catalog = Catalog::load(Some(dir.path()), false);
    assert!(
        catalog
            .broken()
            .iter()
            .any(|fault| fault.file.ends_with("blob.toml") && fault.line.is_none())
    );
}

#[test]
fn services_of_the_demonstration_are_offered_by_it_alone() {
    let demo = lint::example().replacen("keywords", "demo = true\nkeywords", 1);
    assert!(Catalog::of(&[("acme-crm.toml", &demo)], false).all().is_empty());
    assert_eq!(Catalog::of(&[("acme-crm.toml", &demo)], true).all().len(), 1);
}

#[test]
fn every_logo_is_in_the_sheet() {
    let sheet = include_str!("../static/logos.svg");
    for service in Catalog::load(None, true).all() {
        if let Some(logo) = &service.head.logo {
            assert!(
                sheet.contains(&format!("id=\"{logo}\"")),
                "{} wants the logo {logo}",
                service.id()
            );
        }
    }
}

/// The services of the first release; a file that is lost would pass every other test.
#[test]
fn the_promised_services_are_there() {
    let catalog = Catalog::load(None, false);
    let by_sign_in = "google-analytics-4 google-ads google-sheets bigquery linkedin-ads meta-ads hubspot salesforce shopify slack github \
                      notion xero quickbooks zendesk microsoft-ads mailchimp airtable custom-oauth2";
    for id in by_sign_in.split_whitespace() {
        assert!(
            catalog
                .get(id)
                .is_some_and(|service| service.auths.iter().any(|auth| auth.oauth2.is_some())),
            "{id}"
        );
    }
    for id in "stripe klaviyo sendgrid airtable github postgresql mysql mariadb s3 sftp custom-http"
        .split_whitespace()
    {
        assert!(
            catalog
                .get(id)
                .is_some_and(|service| service.auths.iter().any(|auth| auth.oauth2.is_none())),
            "{id}"
        );
    }
}
