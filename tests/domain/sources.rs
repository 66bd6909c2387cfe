//! The functions of the domain and the permissions that each asks for, read from the source text.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

use crate::support::server::root;

/// By module and name: the permissions that its body names in `must`.
pub type Functions = BTreeMap<String, BTreeSet<String>>;

/// All `pub async fn` below `src/domain` that take who acts.
pub fn functions_with_an_actor() -> Functions {
    let folder = root().join("src/domain");
    let mut found = Functions::new();
    read(&folder, "", &mut found);
    assert!(found.len() > 60, "the functions were not found: {:?}", found.keys());
    found
}

fn read(folder: &Path, module: &str, found: &mut Functions) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let inner = match (module, name.as_str()) {
            (_, "mod") => module.to_owned(),
            ("", name) => name.to_owned(),
            (module, name) => format!("{module}::{name}"),
        };
        if path.is_dir() {
            read(&path, &inner, found);
        } else {
            let text = std::fs::read_to_string(&path).expect("a source");
            found.extend(of_file(&text).map(|(name, asks)| (format!("{inner}::{name}"), asks)));
        }
    }
}

fn of_file(text: &str) -> impl Iterator<Item = (String, BTreeSet<String>)> {
    let head = Regex::new(r"(?m)^pub async fn (\w+)([^{]*)\{").expect("a pattern");
    let must = Regex::new(r"must\(\s*Permission::(\w+)").expect("a pattern");
    let mut found = Vec::new();
    for function in head.captures_iter(text) {
        if !function[2].contains("&Actor") {
            continue;
        }
        let body = &text[function.get(0).expect("all of it").end()..];
        let body = &body[..body.find("\n}\n").expect("the end of the function")];
        let asks = must.captures_iter(body).map(|asked| asked[1].to_owned()).collect();
        found.push((function[1].to_owned(), asks));
    }
    found.into_iter()
}

#[test]
fn a_function_and_what_it_asks_for_are_found() {
    let text = "pub async fn one(ctx: &Ctx, actor: &Actor) -> X {\n    actor.must(Permission::A)?;\n\
                    if x { actor.must(Permission::B)?; }\n}\n\npub async fn two(ctx: &Ctx) {\n}\n";
    let found: Vec<_> = of_file(text).collect();
    assert_eq!(found, [("one".to_owned(), BTreeSet::from(["A".to_owned(), "B".to_owned()]))]);
}
