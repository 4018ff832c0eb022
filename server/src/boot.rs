//! Which boot of the machine this is: a process that ends leaves what it wrote with the system, a
//! machine that ends does not.

/// A name that each boot of a Linux machine has; nothing where the system does not say.
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
