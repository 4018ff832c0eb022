//! Sentences of a plain terminal's questions.

/// Answers a key that is none of the choices.
pub fn choose(keys: &[char]) -> String {
    match keys {
        [first @ .., last] if !first.is_empty() => {
            let first: Vec<String> = first.iter().map(char::to_string).collect();
            format!("type {} or {last}", first.join(", "))
        }
        keys => format!("type {}", keys.iter().collect::<String>()),
    }
}
