//! Answers in JSON, read where a pointer leads. A tree (`serde_json::Value`) of an answer takes up to ninety times its
//! bytes: trees are made of small answers alone, by [`parse_small`].
mod text;

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::cause::Cause;
use crate::model::report::Fault;

use text::{Compact, Unescaped};

/// The most values that a tree is made of.
const MAX_TREE_VALUES: usize = 50_000;
/// Longer texts name nobody and nothing.
const MAX_TEXT_CHARS: usize = 4096;

/// The deepest nesting that is read: the parser keeps a byte for each level, in memory that the
/// allocator would not give back.
const MAX_DEPTH: usize = 10_000;
const TOO_DEEP: &str = "The answer is nested deeper than we read (10,000 levels).";

/// The most steps of a pointer; one that has more finds nothing.
const MAX_STEPS: usize = 32;

/// A value of a JSON text that was checked as a whole.
#[derive(Clone, Copy)]
pub struct Json<'a>(&'a RawValue);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Text,
    Array,
    Object,
    /// A number, `true` or `false`.
    Plain,
}

impl<'a> Json<'a> {
    /// Checks the whole text. Nothing of it is copied.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        if text::depth(text) > MAX_DEPTH {
            return Err(serde_json::Error::custom(TOO_DEEP));
        }
        serde_json::from_str(text).map(Self)
    }

    fn kind(self) -> Kind {
        match self.0.get().bytes().next() {
            Some(b'n') => Kind::Null,
            Some(b'"') => Kind::Text,
            Some(b'[') => Kind::Array,
            Some(b'{') => Kind::Object,
            _ => Kind::Plain,
        }
    }

    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    pub fn is_text(self) -> bool {
        self.kind() == Kind::Text
    }

    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Calls `each` for every member of an object, in order. An error: a name is no text.
    pub fn each_member(self, each: impl FnMut(&str, Json<'a>)) -> Result<(), serde_json::Error> {
        self.0.deserialize_map(Members(each))
    }

    /// Calls `each` for the elements of an array until it breaks.
    pub fn each_element(self, each: impl FnMut(Json<'a>) -> ControlFlow<()>) {
        // The text was checked: what is no array has no elements.
        self.0.deserialize_seq(Elements(each)).ok();
    }

    /// Returns the first `most` of what a pointer finds: RFC 6901, with `*` for every element of an array on the way.
    pub fn find(self, pointer: &str, most: usize) -> Vec<Self> {
        let mut found = Vec::new();
        self.walk(pointer, &mut |value| {
            if found.len() < most {
                found.push(value);
            }
            if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        found
    }

    /// Returns the first thing found that is not null.
    pub fn first(self, pointer: &str) -> Option<Self> {
        let mut first = None;
        self.walk(pointer, &mut |value| {
            if value.is_null() {
                return ControlFlow::Continue(());
            }
            first = Some(value);
            ControlFlow::Break(())
        });
        first
    }

    /// Returns the first thing found as text without quotes; `None` for nothing, for an empty text and for one over
    /// `MAX_TEXT_CHARS`.
    pub fn text(self, pointer: &str) -> Option<String> {
        let text = self.first(pointer)?.plain(MAX_TEXT_CHARS + 1);
        let is_fit = !text.is_empty() && text.chars().count() <= MAX_TEXT_CHARS;
        is_fit.then_some(text)
    }

    /// Returns at most `most` characters: a text without its quotes, anything else as JSON without spaces.
    pub fn plain(self, most: usize) -> String {
        let json = self.0.get();
        match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(text) => Unescaped::of(text).take(most).collect(),
            None => Compact::of(json).take(most).collect(),
        }
    }

    /// As [`Json::plain`], and `None` for null.
    pub fn cell(self, most: usize) -> Option<String> {
        (!self.is_null()).then(|| self.plain(most))
    }

    /// Calls `found` for everything that the pointer finds, in order, until it breaks.
    pub fn walk(self, pointer: &str, found: &mut dyn FnMut(Self) -> ControlFlow<()>) {
        let steps = pointer.split('/').skip(1);
        let steps: Vec<String> =
            steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
        // Each step reads all that is below it once more.
        if steps.len() <= MAX_STEPS {
            let _ = self.descend(&steps, found);
        }
    }

    fn descend(
        self,
        steps: &[String],
        found: &mut dyn FnMut(Self) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some((step, rest)) = steps.split_first() else {
            return found(self);
        };
        let mut flow = ControlFlow::Continue(());
        match self.kind() {
            Kind::Array => {
                let wanted: Option<usize> = step.parse().ok();
                let mut at = 0;
                self.each_element(|item| {
                    if step == "*" || wanted == Some(at) {
                        flow = item.descend(rest, found);
                    }
                    at += 1;
                    flow
                });
            }
            Kind::Object => {
                let mut member = None;
                // Of two members with one name the last one counts, as in a tree.
                let read = self.each_member(|name, value| {
                    if name == step {
                        member = Some(value);
                    }
                });
                if let (Ok(()), Some(member)) = (read, member) {
                    flow = member.descend(rest, found);
                }
            }
            Kind::Null | Kind::Text | Kind::Plain => {}
        }
        flow
    }
}

struct Members<F>(F);

impl<'de, F: FnMut(&str, Json<'de>)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key_seed(Name)? {
            let value = members.next_value()?;
            (self.0)(&name, Json(value));
        }
        Ok(())
    }
}

/// Borrows names that have no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Self::Value, D::Error> {
        text.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

struct Elements<F>(F);

impl<'de, F: FnMut(Json<'de>) -> ControlFlow<()>> Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            if (self.0)(Json(element)).is_break() {
                break;
            }
        }
        // An array that is not read to its end counts as broken.
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Refuses an answer that is nested too deep to be read.
pub fn check_depth(text: &str) -> Result<(), Fault> {
    if text::depth(text) <= MAX_DEPTH {
        return Ok(());
    }
    Err(Fault { is_in_doubt: true, ..Fault::new(Cause::AnswerTooLarge).detail(TOO_DEEP) })
}

/// Refuses an answer of too many values to make a tree of.
pub fn check_small(text: &str) -> Result<(), Fault> {
    // Each value but the first stands behind one of these; those within texts are counted as well.
    let most = text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    if most <= MAX_TREE_VALUES {
        return Ok(());
    }
    let said = format!("The answer has more values than we read ({MAX_TREE_VALUES}).");
    Err(Fault { is_in_doubt: true, ..Fault::new(Cause::AnswerTooLarge).detail(said) })
}

/// Makes a tree of an answer that is small by its nature: of a token endpoint, of who signed in. `None`: it is no JSON,
/// or not small.
pub fn parse_small(text: &str) -> Option<Value> {
    check_small(text).ok()?;
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json<'_> {
        Json::parse(text).unwrap()
    }

    #[test]
    fn pointers_walk_objects_and_arrays() {
        let value = json(r#"{ "a": [{ "b": [1, 2] }, { "b": [3] }], "x/y": "z", "n": null }"#);
        assert_eq!(value.find("/a/*/b/*", 9).len(), 3);
        assert_eq!(value.find("/a/*/b/*", 2).len(), 2);
        assert_eq!(value.text("/a/1/b/0").unwrap(), "3");
        assert_eq!(value.text("/x~1y").unwrap(), "z");
        assert_eq!(value.find("", 9).len(), 1);
        assert!(value.first("/n").is_none() && value.text("/nothing").is_none());
        assert!(value.find("/a/b", 9).is_empty() && value.find("/x~1y/0", 9).is_empty());
    }

    #[test]
    fn of_two_members_with_one_name_the_last_one_counts() {
        assert_eq!(json(r#"{"a":1,"a":2}"#).text("/a").unwrap(), "2");
    }

    #[test]
    fn texts_lose_their_escapes_and_keep_to_their_length() {
        let of = |text: &str, most| json(text).plain(most);
        assert_eq!(of(r#""a\"\\\/\n\t\u00e9\ud83d\ude00""#, 99), "a\"\\/\n\té😀");
        assert_eq!(of(r#""\ud83dx""#, 99), "\u{fffd}x");
        assert_eq!(of(r#""\ud83d\u0041""#, 99), "\u{fffd}A");
        assert_eq!(of(r#""\u0041\ude00""#, 99), "A\u{fffd}");
        assert_eq!(of(r#""\u0041ude00""#, 99), "Aude00");
        assert_eq!(of(r#""\ude00""#, 99), "\u{fffd}");
        assert_eq!(of("\"abc\"", 2), "ab");
    }

    #[test]
    fn what_is_no_text_is_shown_as_json_without_spaces_and_numbers_as_they_came() {
        let of = |text: &str| json(text).plain(99);
        assert_eq!(of("[ 1 , {\"a b\" : \"c \\\" d\"} ]"), "[1,{\"a b\":\"c \\\" d\"}]");
        assert_eq!(of("1e400"), "1e400");
        assert_eq!(of("12345678901234567890123.10"), "12345678901234567890123.10");
        assert_eq!(json("null").cell(9), None);
        assert_eq!(json("true").cell(9).as_deref(), Some("true"));
    }

    #[test]
    fn broken_json_is_noticed_wherever_it_breaks_and_deep_nesting_is_not_followed() {
        for broken in ["", "{", "{\"a\":1} x", "[1,]", "{\"a\":[1}", "nul"] {
            assert!(Json::parse(broken).is_err(), "{broken}");
        }
        let deep = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(json(&deep).find("/0/0", 9).len(), 1);
        assert_eq!(json(&deep).find(&"/*".repeat(MAX_STEPS), 9).len(), 1);
        assert!(json(&deep).find(&"/*".repeat(MAX_STEPS + 1), 9).is_empty());
        assert!(json(r#"{"\ud800":1}"#).each_member(|_, _| ()).is_err());
    }

    #[test]
    fn what_is_nested_without_end_is_not_parsed() {
        let of = |levels: usize| {
            format!("{}\"]\"{}", "[{\"[\":".repeat(levels / 2), "}]".repeat(levels / 2))
        };
        assert!(Json::parse(&of(MAX_DEPTH)).is_ok() && check_depth(&of(MAX_DEPTH)).is_ok());
        let deep = of(MAX_DEPTH + 2);
        let error = Json::parse(&deep).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("nested deeper"));
        assert_eq!(check_depth(&deep).unwrap_err().cause, Cause::AnswerTooLarge);
        // Brackets of texts are none.
        assert!(Json::parse(&format!("[\"\\\"{}\"]", "[".repeat(MAX_DEPTH * 2))).is_ok());
    }

    #[test]
    fn a_tree_is_made_of_small_answers_alone() {
        assert_eq!(parse_small("{\"a\":1}"), Some(serde_json::json!({ "a": 1 })));
        assert_eq!(parse_small("<html>"), None);
        let many = format!("[{}1]", "1,".repeat(MAX_TREE_VALUES));
        assert_eq!(parse_small(&many), None);
        assert_eq!(check_small(&many).unwrap_err().cause, Cause::AnswerTooLarge);
    }
}
