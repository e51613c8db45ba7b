//! Reads the body of an internally tagged object without its tag, straight from the text: bodies refuse fields that they do not
//! know, and the tag is none of theirs. serde's own way would copy the whole object first.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::CowStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

/// The fields of one JSON object, without the one that is the tag.
pub fn read<'de, T: Deserialize<'de>>(json: &'de str, tag: &'static str) -> Result<T, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let body = T::deserialize(Untagged { inner: &mut reader, tag })?;
    reader.end()?;
    Ok(body)
}

struct Untagged<D> {
    inner: D,
    tag: &'static str,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Untagged<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_map(Untagged { inner: visitor, tag: self.tag })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Untagged<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Untagged { inner: map, tag: self.tag })
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Untagged<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        /// Borrowed where the name has no escapes.
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
        while let Some(Name(name)) = self.inner.next_key()? {
            if name != self.tag {
                return seed.deserialize(CowStrDeserializer::new(name)).map(Some);
            }
            self.inner.next_value::<IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        count: u32,
        #[serde(default)]
        name: Option<String>,
    }

    fn body(json: &str) -> Result<Body, serde_json::Error> {
        read(json, "type")
    }

    /// S2: the tag may stand anywhere and be written in any way; everything else is the body's.
    #[test]
    fn s2_only_the_tag_is_left_out() {
        let expected = Body { count: 3, name: Some("Kim".to_owned()) };
        for json in [
            r#"{"type":"a","count":3,"name":"Kim"}"#,
            r#"{"count":3,"name":"Kim","type":{"nested":[1,{"type":2}]}}"#,
            r#"{"count":3,"ty\u0070e":"a","n\u0061me":"K\u0069m"}"#,
            r#" {"count":3,"name":"Kim"} "#,
        ] {
            assert_eq!(body(json).unwrap(), expected, "{json}");
        }
        for json in
            [r#"{"type":"a","count":3,"kind":"b"}"#, r#"{"type":"a"}"#, r#"{"type":"a","count":3} x"#, "[3]", "3", "{"]
        {
            assert!(body(json).is_err(), "{json}");
        }
    }
}
