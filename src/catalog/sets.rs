//! Shared field sets: `field_sets = ["tls", "ssh"]` stands for fields that many services ask in the same way.
use serde::Deserialize;

use super::embedded;
use super::field::{Choice, FieldSpec};
use super::service::{FlowSpec, Service};

/// The set whose `dataset` field offers the data sets of the file.
const REQUEST: &str = "request";
/// The setting that chooses among the data sets.
pub const DATASET: &str = "dataset";
/// The choice beside the data sets: a request of one's own.
pub const CUSTOM: &str = "custom";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetFile {
    #[serde(rename = "field")]
    fields: Vec<FieldSpec>,
}

/// The fields of a set; an unknown name is an error for people.
pub fn find(name: &str) -> Result<Vec<FieldSpec>, String> {
    let Some((_, text)) = embedded::SETS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = embedded::SETS.iter().map(|(known, _)| *known).collect();
        return Err(format!("there is no field set `{name}`; there are {}", known.join(", ")));
    };
    toml::from_str::<SetFile>(text)
        .map(|file| file.fields)
        .map_err(|error| format!("field set `{name}`: {error}"))
}

/// Puts the fields of the named sets behind a service's own. Own fields of the same key win.
pub fn expand(service: &mut Service) {
    for auth in &mut service.auths {
        add(&auth.field_sets, &mut auth.fields);
    }
    for flow in [&mut service.source, &mut service.destination].into_iter().flatten() {
        add(&flow.field_sets, &mut flow.settings);
        offer_datasets(flow);
    }
}

/// Unknown sets are the linter's to report.
fn add(sets: &[String], fields: &mut Vec<FieldSpec>) {
    for set in sets {
        for field in find(set).unwrap_or_default() {
            if !fields.iter().any(|own| own.key == field.key) {
                fields.push(field);
            }
        }
    }
}

/// The data sets become the first choices of the field `dataset`.
fn offer_datasets(flow: &mut FlowSpec) {
    if !flow.field_sets.iter().any(|set| set == REQUEST) {
        return;
    }
    let datasets: Vec<Choice> = flow.datasets.iter().map(choice).collect();
    if let Some(field) = flow.settings.iter_mut().find(|field| field.key == DATASET) {
        field.options.splice(0..0, datasets);
        if field.default.is_none() {
            field.default = field.options.first().map(|first| first.value.clone());
        }
    }
}

/// What to read is asked first. Done after linting: findings count the fields as the file has them.
pub fn arrange(service: &mut Service) {
    for flow in [&mut service.source, &mut service.destination].into_iter().flatten() {
        flow.settings.sort_by_key(|field| field.key != DATASET);
    }
}

fn choice(dataset: &super::service::Dataset) -> Choice {
    Choice { value: dataset.id.clone(), label: dataset.label.clone(), help: None }
}
