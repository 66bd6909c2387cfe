//! How fields stand together: sections by group, rows of short fields, cards with the fields that depend on them.
use askama::Template;

use super::state::{ChoiceState, FieldState, FormState, InputKind};

/// Fields that stand side by side.
pub type Row<'a> = Vec<&'a FieldState>;

/// A piece of a section.
#[derive(Template)]
#[template(path = "forms/block.html")]
pub enum Block<'a> {
    Row(Row<'a>),
    /// Radio cards; each with the fields that only it asks for.
    Cards {
        field: &'a FieldState,
        cards: Vec<Card<'a>>,
    },
    /// Fields that are asked for only with some choices of a field before them.
    Only {
        title: String,
        is_closable: bool,
        is_open: bool,
        rows: Vec<Row<'a>>,
    },
}

impl askama::filters::HtmlSafe for Block<'_> {}

impl Block<'_> {
    /// The class of a row of two; a port needs less room.
    fn row_class(&self, row: &[&FieldState]) -> &'static str {
        if row.last().is_some_and(|field| field.is_port) {
            "field-row field-row-port"
        } else {
            "field-row"
        }
    }
}

pub struct Card<'a> {
    pub choice: &'a ChoiceState,
    pub rows: Vec<Row<'a>>,
}

/// Fields under one heading, or in one closed disclosure.
pub struct Section<'a> {
    pub id: String,
    pub title: Option<&'a str>,
    pub is_disclosure: bool,
    pub is_open: bool,
    pub blocks: Vec<Block<'a>>,
}

#[derive(Template)]
#[template(path = "forms/body.html")]
pub struct Body<'a> {
    sections: Vec<Section<'a>>,
}

#[derive(Template)]
#[template(path = "forms/flat.html")]
pub struct Flat<'a> {
    sections: Vec<Section<'a>>,
}

#[derive(Template)]
#[template(path = "forms/summary.html")]
pub struct Summary<'a> {
    general: Vec<&'a str>,
    fields: Vec<&'a FieldState>,
}

impl askama::filters::HtmlSafe for Body<'_> {}
impl askama::filters::HtmlSafe for Flat<'_> {}
impl askama::filters::HtmlSafe for Summary<'_> {}

impl<'a> Body<'a> {
    pub fn of(fields: &'a [FieldState]) -> Self {
        Self { sections: sections(fields) }
    }
}

impl<'a> Flat<'a> {
    pub fn of(fields: &'a [FieldState]) -> Self {
        Self { sections: sections(fields) }
    }
}

impl<'a> Summary<'a> {
    /// One summary for all forms of a page.
    pub fn of(forms: &[&'a FormState]) -> Self {
        Self {
            general: forms.iter().flat_map(|form| &form.general).map(String::as_str).collect(),
            fields: forms
                .iter()
                .flat_map(|form| &form.fields)
                .filter(|field| field.has_problem())
                .collect(),
        }
    }

    fn count(&self) -> usize {
        self.general.len() + self.fields.len()
    }
}

/// Groups in the order in which they first appear; what most people leave alone in disclosures of their own.
fn sections(fields: &[FieldState]) -> Vec<Section<'_>> {
    let mut keys: Vec<(Option<&str>, bool)> = Vec::new();
    for field in fields {
        let key = (field.group.as_deref(), field.advanced);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter()
        .map(|(group, advanced)| {
            let own: Vec<&FieldState> = fields
                .iter()
                .filter(|field| (field.group.as_deref(), field.advanced) == (group, advanced))
                .collect();
            Section {
                id: own.first().map(|field| format!("{}-group", field.id)).unwrap_or_default(),
                title: group.or(if advanced { Some("More settings") } else { None }),
                is_disclosure: advanced,
                is_open: own.iter().any(|field| is_touched(field)),
                blocks: blocks(&own),
            }
        })
        .collect()
}

/// Whether somebody entered something, or should have.
fn is_touched(field: &FieldState) -> bool {
    let is_default = match field.kind {
        InputKind::Choice | InputKind::Select => {
            field.choices.first().is_none_or(|first| first.value == field.value)
        }
        _ => true,
    };
    let depends = field.when.is_some();
    field.has_problem()
        || field.is_stored
        || !is_default
        || (!depends
            && !field.value.is_empty()
            && field.choices.is_empty()
            && field.kind != InputKind::Checkbox)
}

fn blocks<'a>(fields: &[&'a FieldState]) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    let mut loose: Vec<&'a FieldState> = Vec::new();
    let mut rest = fields.iter().copied().peekable();
    while let Some(field) = rest.next() {
        let parent = field
            .when
            .as_ref()
            .and_then(|(name, _)| fields.iter().find(|other| other.name == *name));
        if let (Some(parent), Some((name, values))) = (parent, &field.when) {
            if is_in_card(parent, values) {
                continue;
            }
            blocks.extend(rows(std::mem::take(&mut loose)).into_iter().map(Block::Row));
            let mut together = vec![field];
            while let Some(next) =
                rest.next_if(|next| next.when.as_ref() == Some(&(name.clone(), values.clone())))
            {
                together.push(next);
            }
            blocks.push(only(parent, values, together));
        } else if field.kind == InputKind::Choice {
            blocks.extend(rows(std::mem::take(&mut loose)).into_iter().map(Block::Row));
            blocks.push(cards(field, fields));
        } else {
            loose.push(field);
        }
    }
    blocks.extend(rows(loose).into_iter().map(Block::Row));
    blocks
}

fn is_in_card(parent: &FieldState, values: &[String]) -> bool {
    parent.kind == InputKind::Choice && values.len() == 1
}

fn cards<'a>(field: &'a FieldState, fields: &[&'a FieldState]) -> Block<'a> {
    let inside = |choice: &ChoiceState| {
        let own = fields.iter().copied().filter(|other| {
            other.when.as_ref().is_some_and(|(name, values)| {
                *name == field.name && values.len() == 1 && values.first() == Some(&choice.value)
            })
        });
        rows(own.collect())
    };
    let cards = field.choices.iter().map(|choice| Card { choice, rows: inside(choice) }).collect();
    Block::Cards { field, cards }
}

/// Behind a drop-down the fields of each choice fold away; behind radio cards they stay open.
fn only<'a>(parent: &FieldState, values: &[String], fields: Vec<&'a FieldState>) -> Block<'a> {
    let (with, without): (Vec<&ChoiceState>, Vec<&ChoiceState>) =
        parent.choices.iter().partition(|choice| values.contains(&choice.value));
    let labels = |choices: &[&ChoiceState]| {
        choices.iter().map(|one| format!("“{}”", one.label)).collect::<Vec<_>>().join(" or ")
    };
    let title = match without.as_slice() {
        [one] if with.len() > 1 => format!("Unless {}", labels(&[one])),
        _ => format!("Only for {}", labels(&with)),
    };
    let is_chosen = values.contains(&parent.value);
    Block::Only {
        title,
        is_closable: parent.kind == InputKind::Select,
        is_open: is_chosen || fields.iter().any(|field| field.has_problem()),
        rows: rows(fields),
    }
}

/// Two short fields that follow each other share a row.
fn rows(fields: Vec<&FieldState>) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for field in fields {
        match rows.last_mut() {
            Some(row)
                if field.half && row.len() == 1 && row.first().is_some_and(|first| first.half) =>
            {
                row.push(field)
            }
            _ => rows.push(vec![field]),
        }
    }
    rows
}

#[cfg(test)]
mod tests;
