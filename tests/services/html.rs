//! html-validate over drawn pages: standard, accessibility and document rules.
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::server::root;

/// What is wrong with these pages: name and HTML in, one line per fault out.
pub fn faults<'a>(pages: impl Iterator<Item = (&'a String, &'a str)>) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut names = Vec::new();
    for (number, (name, html)) in pages.enumerate() {
        std::fs::write(folder.path().join(format!("{number}.html")), html).expect("a written page");
        names.push(name.clone());
    }
    let node = root().join("tests/services/node");
    let answer = Command::new("node")
        .arg(node.join("node_modules/html-validate/bin/html-validate.mjs"))
        .args(["--formatter", "json", "--config"])
        .arg(node.join("htmlvalidate.json"))
        .arg(folder.path().join("*.html"))
        .output()
        .expect("html-validate runs");
    let text = String::from_utf8_lossy(&answer.stdout);
    let Ok(found) = serde_json::from_str::<Vec<Value>>(&text) else {
        panic!("html-validate said: {text}{}", String::from_utf8_lossy(&answer.stderr))
    };
    found.iter().flat_map(|file| lines(file, &names)).collect()
}

fn lines(file: &Value, names: &[String]) -> Vec<String> {
    let path = file["filePath"].as_str().unwrap_or_default();
    let number = Path::new(path)
        .file_stem()
        .and_then(|stem| stem.to_str()?.parse::<usize>().ok())
        .expect("our own file");
    let messages = file["messages"].as_array().cloned().unwrap_or_default();
    messages
        .iter()
        .map(|message| {
            let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
            format!(
                "{}:{} {} ({}, {})",
                names[number],
                message["line"],
                text("message"),
                text("ruleId"),
                text("selector")
            )
        })
        .collect()
}
