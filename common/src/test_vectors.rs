//! Reads docs/vectors and says what differs, for the tests that replay them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Collects the differences, so that one failure shows them all.
pub struct Vectors {
    file: &'static str,
    json: Value,
    differences: String,
}

impl Vectors {
    /// `file` is a name in docs/vectors.
    pub fn load(file: &'static str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../docs/vectors")
            .join(file);
        let text = fs::read_to_string(&path).expect("the published vectors come with the source");
        Self {
            file,
            json: serde_json::from_str(&text).unwrap(),
            differences: String::new(),
        }
    }

    pub fn top(&self) -> &Value {
        &self.json
    }

    /// Fails on an empty list, whose replay would prove nothing.
    pub fn cases(&self, list: &str) -> Vec<Value> {
        let cases = self.json[list].as_array().unwrap();
        assert!(!cases.is_empty(), "{list} of {} is empty", self.file);
        cases.clone()
    }

    /// Notes a difference, for [`Self::finish`].
    pub fn same(&mut self, case: &Value, field: &str, file: &str, engine: &str) {
        if file != engine {
            let comment = case["comment"].as_str().unwrap_or("?");
            writeln!(
                self.differences,
                "docs/vectors/{}, \"{comment}\", {field}:\n  the file says {file}\n  the engine    {engine}",
                self.file
            )
            .unwrap();
        }
    }

    pub fn same_bytes(&mut self, case: &Value, field: &str, engine: &[u8]) {
        let file = text(case, field).to_owned();
        self.same(case, field, &file, &hex(engine));
    }

    /// Fails with everything that was noted.
    pub fn finish(self) {
        assert!(self.differences.is_empty(), "\n{}", self.differences);
    }
}

pub fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} is missing in {case}"))
}

pub fn bytes(case: &Value, field: &str) -> Vec<u8> {
    unhex(text(case, field))
}

pub fn array<const N: usize>(case: &Value, field: &str) -> [u8; N] {
    bytes(case, field).try_into().unwrap()
}

pub fn number(case: &Value, field: &str) -> usize {
    usize::try_from(case[field].as_u64().unwrap()).unwrap()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        write!(text, "{b:02x}").unwrap();
        text
    })
}

pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
