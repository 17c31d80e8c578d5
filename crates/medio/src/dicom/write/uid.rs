//! New unique identifiers under 2.25 (PS3.5 B.2).

use uuid::Uuid;

/// A source of UIDs: random ones, or for a seed always the same.
#[derive(Debug, Clone)]
pub(in crate::dicom) struct Uids {
    namespace: Uuid,
}

impl Uids {
    /// `context` tells apart what is made from one seed: the study, the kind of object.
    pub(in crate::dicom) fn new(seed: Option<&str>, context: &[&str]) -> Self {
        let namespace = seed.map_or_else(Uuid::new_v4, |seed| {
            let name = [&[seed], context].concat().join("\0");
            Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
        });
        Self { namespace }
    }

    /// The UID of a name, the same each time.
    pub(in crate::dicom) fn of(&self, name: &str) -> String {
        format!("2.25.{}", Uuid::new_v5(&self.namespace, name.as_bytes()).as_u128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_and_none_gives_others() {
        let of = |seed, context| Uids::new(seed, &[context]).of("series");
        assert_eq!(of(Some("a"), "study"), of(Some("a"), "study"));
        assert_ne!(of(Some("a"), "study"), of(Some("b"), "study"));
        assert_ne!(of(Some("a"), "study"), of(Some("a"), "other"));
        assert_ne!(of(None, "study"), of(None, "study"));
        let uid = of(None, "");
        assert!(uid.len() <= 64 && uid.bytes().all(|b| b.is_ascii_digit() || b == b'.'), "{uid}");
    }
}
