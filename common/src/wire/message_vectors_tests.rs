use serde_json::{Map, Value, json};

use super::*;
use crate::test_vectors::{Vectors, bytes, hex, number, text};

/// CBOR as JSON: keys as digits, byte strings as `h'…'`.
fn generic(decoder: &mut Decoder<'_>) -> Value {
    use minicbor::data::Type;
    match decoder.datatype().unwrap() {
        Type::Bool => decoder.bool().unwrap().into(),
        Type::Bytes => format!("h'{}'", hex(decoder.bytes().unwrap())).into(),
        Type::String => decoder.str().unwrap().into(),
        Type::Array => {
            let count = decoder.array().unwrap().unwrap();
            (0..count).map(|_| generic(decoder)).collect()
        }
        Type::Map => {
            let count = decoder.map().unwrap().unwrap();
            let mut map = Map::new();
            for _ in 0..count {
                let key = decoder.i64().unwrap().to_string();
                map.insert(key, generic(decoder));
            }
            map.into()
        }
        _ => decoder.i64().unwrap().into(),
    }
}

/// A published meaning without the names of its fields.
fn unnamed(meaning: &Value) -> Value {
    match meaning {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.split(' ').next().unwrap().to_owned(), unnamed(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(unnamed).collect(),
        other => other.clone(),
    }
}

fn names(meaning: &Value) -> Vec<String> {
    match meaning {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| {
                let own = key.split(' ').nth(1).unwrap().to_owned();
                [own].into_iter().chain(names(value))
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

fn encoded<M: Message>(message: &M) -> Vec<u8> {
    let mut out = Vec::new();
    put(message, &mut out);
    out
}

/// The file has one direction's messages in the order of the corpus.
fn replay<M: Message + std::fmt::Debug + PartialEq>(file: &mut Vectors, from: &str, corpus: &[M]) {
    let mut cases = file.cases("messages");
    cases.retain(|case| text(case, "from") == from);
    assert_eq!(cases.len(), corpus.len(), "{from}");
    for (case, message) in cases.iter().zip(corpus) {
        file.same_bytes(case, "cbor", &encoded(message));
        let content = bytes(case, "cbor");
        let read: Vec<_> = messages::<M>(&content).collect();
        let [Ok(Read::Known(read))] = &read[..] else {
            panic!("{case}: {read:?}");
        };
        assert_eq!(read, message, "{case}");

        let meaning = unnamed(&case["meaning"]).to_string();
        let found = generic(&mut Decoder::new(&content)).to_string();
        file.same(case, "meaning", &meaning, &found);
        let shown = format!("{message:?}");
        assert!(shown.starts_with(text(case, "name")), "{case}: {shown}");
        for name in names(&case["meaning"]) {
            assert!(shown.contains(&format!("{name}: ")), "{name} in {shown}");
        }
    }
}

#[test]
fn the_published_messages_are_what_the_engine_writes_and_reads() {
    let mut file = Vectors::load("messages.json");
    replay(&mut file, "client", &corpus::client());
    replay(&mut file, "server", &corpus::server());
    file.finish();
}

/// The messages of a content, and the error that ended it.
fn outcome<M: Message>(content: &[u8]) -> (Vec<Value>, Option<Malformed>) {
    let mut taken = Vec::new();
    for read in messages::<M>(content) {
        match read {
            Ok(Read::Known(message)) => {
                taken.push(generic(&mut Decoder::new(&encoded(&message))));
            }
            Ok(Read::Unknown { kind, request }) => {
                taken.push(json!({"unknown": kind, "request": request}));
            }
            Err(error) => return (taken, Some(error)),
        }
    }
    (taken, None)
}

fn outcome_of(case: &Value) -> (Vec<Value>, Option<Malformed>) {
    let content = bytes(case, "content");
    match text(case, "from") {
        "client" => outcome::<ClientMessage>(&content),
        _ => outcome::<ServerMessage>(&content),
    }
}

#[test]
fn the_published_contents_are_taken_with_the_published_meaning() {
    let mut file = Vectors::load("messages.json");
    for case in file.cases("accepted") {
        let (taken, error) = outcome_of(&case);
        assert_eq!(error, None, "{case}");
        let meanings = case["messages"].as_array().unwrap().iter();
        let meanings: Value = meanings
            .map(|meaning| match meaning {
                Value::Array(_) => unnamed(meaning),
                unknown => unknown.clone(),
            })
            .collect();
        let taken = Value::from(taken).to_string();
        file.same(&case, "messages", &meanings.to_string(), &taken);
    }
    file.finish();
}

#[test]
fn the_published_refusals_are_refused_for_the_published_reason() {
    let mut file = Vectors::load("messages.json");
    for case in file.cases("refused") {
        let (taken, error) = outcome_of(&case);
        let error = error.map_or("no error".to_owned(), |error| format!("{error:?}"));
        file.same(&case, "error", text(&case, "error"), &error);
        let expected = number(&case, "taken").to_string();
        file.same(&case, "taken", &expected, &taken.len().to_string());
    }
    file.finish();
}
