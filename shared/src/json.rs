//! JSON in which no key is given twice.
//!
//! `serde_json` keeps the last of two equal keys and says nothing. An intent that names two
//! pipelines would start one of them by chance, so here the second key is an error.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Parses one JSON object.
///
/// # Errors
/// What was found in its place.
pub fn parse_object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str::<Strict>(text) {
        Ok(Strict(Value::Object(fields))) => Ok(fields),
        Ok(Strict(other)) => Err(format!("found {}", kind(&other))),
        Err(_) if text.trim().is_empty() => Err("found nothing".to_owned()),
        Err(error) => Err(format!("found text that is not JSON ({error})")),
    }
}

/// What kind of JSON value this is, with its article.
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A value whose objects give each key once, at every depth.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key `{key}` is given twice")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_given_twice_is_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"a":[{"b":1,"b":1}]}"#] {
            assert!(parse_object(text).unwrap_err().contains("given twice"), "{text}");
        }
    }

    #[test]
    fn every_kind_of_value_is_kept_as_it_was_given() {
        let text = r#"{"a":[null,true,-1,2,1.5,"x"],"b":{"c":{}}}"#;
        assert_eq!(Value::Object(parse_object(text).unwrap()).to_string(), text);
    }

    #[test]
    fn what_is_not_an_object_is_named() {
        assert_eq!(parse_object("[]").unwrap_err(), "found an array");
        assert!(parse_object("").unwrap_err().starts_with("found nothing"));
        assert!(parse_object("golden-linux").unwrap_err().contains("not JSON"));
    }

    #[test]
    fn deeply_nested_json_is_refused_and_not_followed() {
        let text = format!("{}{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        assert!(parse_object(&text).unwrap_err().contains("recursion limit"));
    }
}
