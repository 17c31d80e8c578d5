//! Text that many headers share.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// Immutable text; a copy costs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Text(Arc<str>);

impl Text {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Texts of a scan that are kept once however many files have them.
#[derive(Default)]
pub(super) struct Interner(Mutex<HashSet<Text>>);

impl Interner {
    /// The text, shared with those that equal it.
    pub(super) fn text(&self, text: &str) -> Text {
        if text.is_empty() {
            return Text::default();
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(text) {
            Some(known) => known.clone(),
            None => {
                let text = Text::from(text);
                known.insert(text.clone());
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one() {
        let interner = Interner::default();
        let (a, b) = (interner.text("1.2.3"), interner.text("1.2.3"));
        assert!(Arc::ptr_eq(&a.0, &b.0) && a.as_str() == "1.2.3");
        assert_ne!(interner.text("1.2.4"), a);
    }
}
