//! What keeps the server from its work at the moment, as those know it who work for it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub struct Faults(Mutex<BTreeMap<&'static str, String>>);

impl Faults {
    fn table(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        // Whole at every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is wrong with something, or that it is right again.
    pub fn set(&self, about: &'static str, wrong: Option<String>) {
        let mut table = self.table();
        match wrong {
            Some(sentence) => drop(table.insert(about, sentence)),
            None => drop(table.remove(about)),
        }
    }

    /// A sentence each.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        let table = self.table();
        table
            .iter()
            .map(|(about, wrong)| format!("{about}: {wrong}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right_again_is_no_fault() {
        let faults = Faults::default();
        faults.set("chat.log", Some("can't be synced".to_owned()));
        faults.set("chat.log", Some("is gone".to_owned()));
        faults.set("checkpoint", None);
        assert_eq!(faults.all(), ["chat.log: is gone"]);
        faults.set("chat.log", None);
        assert!(faults.all().is_empty());
    }
}
