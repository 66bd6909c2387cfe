//! The house: who may name whom, and what stays in which room. Read from the source text, so that it needs no build.
use std::path::{Path, PathBuf};

use crate::support::server::root;

struct Source {
    /// `store/authorizers.rs`
    path: String,
    /// `store`
    room: String,
    text: String,
}

impl Source {
    /// Lines of code with their numbers: without comments.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Rooms that it names by `crate::room`, with the line.
    fn names(&self) -> Vec<(usize, String)> {
        let word = |text: &str| {
            text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>()
        };
        let named = self
            .lines()
            .flat_map(|(at, line)| line.split("crate::").skip(1).map(move |rest| (at, word(rest))));
        named.filter(|(_, room)| !room.is_empty()).collect()
    }
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    let mut sources: Vec<Source> = files
        .into_iter()
        .map(|file| {
            let path = file.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
            let room =
                path.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
            Source { room, text: std::fs::read_to_string(&file).expect("a readable source"), path }
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
}

/// The rooms that a room may name beside itself. Those that are not listed put the app together and may name all.
fn may_name(room: &str) -> Option<&'static [&'static str]> {
    Some(match room {
        "model" => &[],
        "clock" | "catalog" => &["model"],
        "crypto" => &["model", "clock"],
        "store" => &["model", "crypto", "clock"],
        "outbound" => &["model", "catalog", "crypto", "clock"],
        "domain" => &["model", "catalog", "crypto", "clock", "store", "outbound"],
        "web" | "worker" => &["model", "catalog", "crypto", "clock", "domain"],
        "config" => &["model", "crypto"],
        _ => return None,
    })
}

fn refuse(wrong: &[String], why: &str) {
    assert!(wrong.is_empty(), "{why}:\n  {}", wrong.join("\n  "));
}

#[test]
fn rooms_name_only_the_rooms_below_them() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(allowed) = may_name(&source.room) else {
            continue;
        };
        for (line, named) in source.names() {
            if named != source.room && !allowed.contains(&named.as_str()) {
                wrong.push(format!("{}:{line} names {named}", source.path));
            }
        }
    }
    refuse(&wrong, "an arrow points the wrong way (see the map of rooms in the README)");
}

/// Says where `word` stands outside the rooms that may use it.
fn outside(word: &str, rooms: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !rooms.contains(&source.room.as_str())) {
        wrong.extend(
            source
                .lines()
                .filter(|(_, line)| has_word(line, word))
                .map(|(at, _)| format!("{}:{at}", source.path)),
        );
    }
    wrong
}

/// `ring::` is not in `String::`.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn each_craft_stays_in_its_room() {
    for (word, rooms) in [
        ("diesel", &["store"] as &[&str]),
        ("askama", &["web", "demo"]),
        ("reqwest::", &["outbound"]),
        ("russh", &["outbound"]),
        ("mysql_common", &["outbound"]),
        ("tokio_postgres", &["store", "outbound"]),
        ("std::env::", &["config"]),
        ("env::var", &["config"]),
        ("anyhow", &["commands", "startup", "main", "config", "demo"]),
        ("ring::", &["crypto", "store", "outbound", "startup", "demo"]),
    ] {
        refuse(&outside(word, rooms), &format!("{word} belongs to {rooms:?}"));
    }
}

#[test]
fn a_file_has_a_head_and_at_most_four_hundred_lines() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > 400 {
            wrong.push(format!("{} has {lines} lines", source.path));
        }
        // The file that a `tests.rs` belongs to says what both are for.
        if !source.text.starts_with("//!") && !source.path.ends_with("tests.rs") {
            wrong.push(format!("{} does not say what it is for", source.path));
        }
    }
    refuse(&wrong, "files");
}

#[test]
fn no_room_is_a_heap() {
    let heaps = ["utils", "util", "common", "helpers", "helper", "core", "misc", "shared"];
    let is_heap = |source: &&Source| {
        source.path.split('/').any(|part| heaps.contains(&part.trim_end_matches(".rs")))
    };
    let wrong: Vec<String> =
        sources().iter().filter(is_heap).map(|source| source.path.clone()).collect();
    refuse(&wrong, "say what it is about");
}

#[test]
fn lints_are_never_silenced_without_a_reason() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (at, line) in source.lines() {
            let bare_expect =
                line.contains("#[expect(") && !line.contains("reason") && line.contains(")]");
            if line.contains("#[allow(") || line.contains("#![allow(") || bare_expect {
                wrong.push(format!("{}:{at}", source.path));
            }
        }
    }
    refuse(&wrong, "#[expect(…, reason = \"…\")] instead");
}

#[test]
fn templates_name_urls_by_function_and_hold_no_script_and_no_style() {
    let mut files = Vec::new();
    let mut folders = vec![root().join("templates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "html")) {
        let text = std::fs::read_to_string(file).expect("a readable template");
        for (at, line) in text.lines().enumerate() {
            let banned = ["<script", " style=", " onclick=", " onchange=", "javascript:", "<style"];
            if banned.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{}:{} {}", file.display(), at + 1, line.trim()));
            }
        }
    }
    refuse(&wrong, "pages work without scripts, and styles are in app.css");
}
