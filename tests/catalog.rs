//! The service files that come with the program, and those that an operator adds.
use std::fs;
use std::path::Path;

use authorizers::catalog::{Catalog, embedded};

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
        Catalog::of(&[("acme-reports.toml", text)], false).broken().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(broken(file), Vec::<String>::new());
    assert!(!broken(&file.replace("127.0.0.2:1", "10.0.0.2:1")).is_empty());
}
