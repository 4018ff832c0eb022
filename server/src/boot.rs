//! Tells one boot of the machine from another: what a process wrote survives its end, but not that
//! of the machine. Asked by the journal.

/// Linux's boot id, 36 characters; `None` where the system has none.
#[must_use]
pub fn id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn a_boot_has_one_name() {
        let id = super::id().unwrap();
        assert_eq!(id.len(), 36, "{id}");
        assert_eq!(super::id(), Some(id));
    }
}
