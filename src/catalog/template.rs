//! `{placeholder}`: finding the names in a text of a service file. Filling them in is `outbound`'s.

/// `{name}`, or `{+name}`: the sign is that of RFC 6570 (2.4.2), and means that slashes of the value stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placeholder<'a> {
    pub name: &'a str,
    /// In a path its value may be several segments.
    pub is_several_segments: bool,
}

impl<'a> Placeholder<'a> {
    /// Reads what stands between braces; `None` if that is no placeholder.
    pub fn parse(inner: &'a str) -> Option<Self> {
        let name = inner.strip_prefix('+');
        let placeholder = Self { name: name.unwrap_or(inner), is_several_segments: name.is_some() };
        is_name(placeholder.name).then_some(placeholder)
    }
}

/// Finds the placeholders of a template, in order; an error for people if braces do not fit.
/// Braces around anything else are an error: a file cannot mean them.
pub fn placeholders(template: &str) -> Result<Vec<Placeholder<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (_, tail) = rest.split_at(at);
        let Some((inner, after)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}'))
        else {
            return Err(format!("a brace without its partner in `{template}`"));
        };
        let placeholder = Placeholder::parse(inner).ok_or_else(|| {
            format!("`{{{inner}}}` in `{template}` is not a placeholder: a-z, 0-9 and _ only")
        })?;
        found.push(placeholder);
        rest = after;
    }
    Ok(found)
}

/// As [`placeholders`], their names alone.
pub fn names(template: &str) -> Result<Vec<&str>, String> {
    Ok(placeholders(template)?.into_iter().map(|placeholder| placeholder.name).collect())
}

/// `[a-z][a-z0-9_]*`
pub fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The name, if the template is one placeholder and nothing else.
pub fn whole(template: &str) -> Option<&str> {
    template.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).filter(|name| is_name(name))
}

/// The names in a text of a JSON body: exactly `{name}` is a placeholder, other braces stay as they are
/// (a GraphQL query has many; write `{ id }` with spaces there).
pub fn names_in_body(text: &str) -> Vec<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .filter(|name| is_name(name))
        .collect()
}

/// Every text in a JSON value, keys left out.
pub fn texts(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::String(text) => vec![text.as_str()],
        serde_json::Value::Array(list) => list.iter().flat_map(texts).collect(),
        serde_json::Value::Object(map) => map.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Whether a typed path has `.` or `..` between its slashes, in any spelling that a URL parser or a server takes for it:
/// it would leave what requests begin with.
pub fn has_dot_segments(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    // URL parsers drop these wherever they stand, and spaces at the end.
    let path: String = path.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let path = path.trim_end_matches(|c| c <= ' ').to_ascii_lowercase();
    let path = path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    path.split(['/', '\\']).any(|segment| segment == "." || segment == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_order() {
        assert_eq!(names("https://{sub}.x.test/{a_1}?z").unwrap(), ["sub", "a_1"]);
        assert!(names("plain").unwrap().is_empty());
        let path = placeholders("/{a}/{+b}").unwrap();
        assert_eq!(
            path.iter().map(|one| one.is_several_segments).collect::<Vec<_>>(),
            [false, true]
        );
    }

    #[test]
    fn braces_that_do_not_fit_are_refused() {
        for bad in ["{a", "a}", "{A}", "{}", "{a b}", "{{a}}", "{+}", "{++a}", "{a+}"] {
            assert!(names(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn steps_out_of_a_path_are_found_in_every_spelling() {
        for path in [
            "/../x",
            "/a/..",
            "/./a",
            "/%2e%2e/x",
            "/.%2E/x",
            "/a/%2E",
            "/..\\x",
            "/..%2fx",
            "/..%5Cx",
            "/.\t./x",
            "/a/.. ",
            "/..?x=1",
            "..",
        ] {
            assert!(has_dot_segments(path), "{path:?}");
        }
        for path in ["/", "/v1/things", "/a..b/.c/...", "/v1.2/x?path=../y", "/~a/%20", ""] {
            assert!(!has_dot_segments(path), "{path:?}");
        }
    }
}
