//! Permissions as they are drawn: what needs them, which are missing, and what to copy.
use crate::domain::authorizers::find::Dependent;
use crate::model::flow::FlowKind;
use crate::model::need::{Need, Needs, Standing};

use super::paths;

/// What needs them.
pub struct NeedGroup {
    pub title: String,
    /// The page of the source or destination.
    pub path: Option<String>,
    pub needs: Vec<NeedView>,
}

pub struct NeedView {
    pub what: String,
    pub icon: &'static str,
    pub class: &'static str,
    pub word: &'static str,
    pub why: Option<String>,
    pub cure: Option<String>,
    /// Names the box to copy from; unique on the page.
    pub id: String,
}

/// Those with something missing first; what is missing first in each. `used_by` gives the names; what no longer uses the
/// account is left out.
pub fn groups(needs: &[Needs], used_by: &[Dependent], service: &str) -> Vec<NeedGroup> {
    let mut groups: Vec<NeedGroup> = Vec::new();
    for (at, needs) in needs.iter().enumerate() {
        let (title, path) = match &needs.flow {
            None => (format!("{service} itself"), None),
            Some((kind, id)) => match used_by.iter().find(|(of, one, _)| of == kind && one == id) {
                Some((kind, id, name)) => {
                    (format!("{} {name}", word(*kind)), Some(paths::flow(*kind, id)))
                }
                None => continue,
            },
        };
        groups.push(NeedGroup { title, path, needs: views(&needs.needs, at) });
    }
    groups.sort_by_key(|group| !group.needs.iter().any(|need| need.word == MISSING));
    groups
}

/// Of one source or destination that is being filled in.
pub fn of_form(needs: &[Need]) -> Vec<NeedGroup> {
    if needs.is_empty() {
        return Vec::new();
    }
    vec![NeedGroup { title: String::new(), path: None, needs: views(needs, 0) }]
}

const MISSING: &str = "Missing";

fn views(needs: &[Need], group: usize) -> Vec<NeedView> {
    let mut sorted: Vec<&Need> = needs.iter().collect();
    sorted.sort_by_key(|need| need.standing);
    sorted.dedup_by(|a, b| a.what == b.what);
    sorted
        .into_iter()
        .enumerate()
        .map(|(at, need)| view(need, format!("need-{group}-{at}")))
        .collect()
}

fn view(need: &Need, id: String) -> NeedView {
    let (icon, class, word) = match need.standing {
        Standing::Granted => ("check", "icon", "Granted"),
        Standing::Missing => ("x", "icon no", MISSING),
        Standing::Unknown => ("help-circle", "icon off", "Not known"),
    };
    NeedView {
        what: need.what.clone(),
        icon,
        class,
        word,
        why: need.why.clone(),
        cure: need.cure.clone(),
        id,
    }
}

fn word(kind: FlowKind) -> &'static str {
    match kind {
        FlowKind::Source => "Source",
        FlowKind::Destination => "Destination",
    }
}
