//! One file's text → a service, or every reason why not, each with its line.
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::lint::{self, Finding, Seg};
use super::service::Service;
use super::{BrokenService, sets};

/// `name` is the file's name as shown; `id` what the service must be called (the name without its ending).
pub fn parse(name: &str, id: &str, text: &str) -> Result<Service, Vec<BrokenService>> {
    let broken = |line, problem| BrokenService { file: name.to_owned(), line, problem };
    let mut service: Service = toml::from_str(text).map_err(|error| {
        vec![broken(error.span().map(|span| line_of(text, span.start)), error.message().to_owned())]
    })?;
    let mut findings = lint::file(&service, id);
    sets::expand(&mut service);
    findings.extend(lint::expanded(&service));
    if findings.is_empty() {
        sets::arrange(&mut service);
        return Ok(service);
    }
    let tree = DeTable::parse(text).ok();
    Err(findings
        .into_iter()
        .map(|finding| {
            broken(tree.as_ref().map(|tree| line(text, tree, &finding)), finding.problem)
        })
        .collect())
}

/// The line of what a finding points at, or of the nearest thing around it that is in the file.
fn line(text: &str, tree: &Spanned<DeTable<'_>>, finding: &Finding) -> usize {
    let mut span: Range<usize> = 0..0;
    let mut table = Some(tree.get_ref());
    let mut value: Option<&Spanned<DeValue<'_>>> = None;
    for seg in &finding.way {
        let next = match seg {
            Seg::Key(key) => table
                .and_then(|table| {
                    table.iter().find(|(name, _)| name.get_ref().as_ref() == key.as_str())
                })
                .map(|(name, next)| {
                    span = name.span();
                    next
                }),
            Seg::At(index) => value
                .and_then(|value| value.get_ref().as_array())
                .and_then(|list| list.get(*index))
                .inspect(|next| {
                    span = next.span();
                }),
        };
        let Some(next) = next else { break };
        value = Some(next);
        table = next.get_ref().as_table();
    }
    line_of(text, span.start)
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
