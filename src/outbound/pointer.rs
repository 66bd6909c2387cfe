//! JSON pointers (RFC 6901), with `*` for every element of an array on the way.
use serde_json::Value;

/// Everything that `pointer` finds, in order. An empty pointer is the value itself.
pub fn all<'a>(value: &'a Value, pointer: &str) -> Vec<&'a Value> {
    let mut found = vec![value];
    for step in pointer.split('/').skip(1) {
        let key = step.replace("~1", "/").replace("~0", "~");
        found = found.into_iter().flat_map(|value| step_into(value, &key)).collect();
    }
    found
}

fn step_into<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    match value {
        Value::Array(list) if key == "*" => list.iter().collect(),
        Value::Array(list) => {
            key.parse::<usize>().ok().and_then(|at| list.get(at)).into_iter().collect()
        }
        Value::Object(map) => map.get(key).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The first thing found that is something.
pub fn first<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    all(value, pointer).into_iter().find(|found| !found.is_null())
}

/// As text, without quotes; `None` for nothing and for an empty text.
pub fn text(value: &Value, pointer: &str) -> Option<String> {
    first(value, pointer).map(super::api::plain).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stars_walk_arrays() {
        let value = json!({ "a": [{ "b": [1, 2] }, { "b": [3] }], "x/y": "z" });
        assert_eq!(all(&value, "/a/*/b/*").len(), 3);
        assert_eq!(text(&value, "/a/1/b/0").unwrap(), "3");
        assert_eq!(text(&value, "/x~1y").unwrap(), "z");
        assert_eq!(all(&value, "").len(), 1);
        assert_eq!(text(&value, "/nothing"), None);
    }
}
