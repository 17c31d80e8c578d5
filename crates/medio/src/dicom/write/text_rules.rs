//! What texts may hold (PS3.5 6.2).

use std::path::Path;

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

use super::data_set::{NewDataSet, Value};
use crate::error::{Error, Result};

/// Refuses texts that their attributes cannot hold.
///
/// # Errors
/// [`Error::Invalid`] with the attribute's name, and without the text, which may be anything.
pub(super) fn check(path: &Path, data: &NewDataSet) -> Result<()> {
    for (tag, vr, value) in data.iter() {
        match value {
            Value::Text(text) => check_text(text, vr).map_err(|[expected, found]| Error::Invalid {
                path: path.into(),
                what: keyword(tag),
                expected,
                found,
            })?,
            Value::Items(items) => items.iter().try_for_each(|item| check(path, item))?,
            Value::Copied(_) | Value::Binary(_) => {}
        }
    }
    Ok(())
}

/// Whether all new texts are ASCII.
pub(super) fn is_ascii(data: &NewDataSet) -> bool {
    data.iter().all(|(_, _, value)| match value {
        Value::Text(text) => text.is_ascii(),
        Value::Items(items) => items.iter().all(is_ascii),
        Value::Copied(_) | Value::Binary(_) => true,
    })
}

pub(super) fn keyword(tag: Tag) -> &'static str {
    StandardDataDictionary.by_tag(tag).map_or("a text", |entry| entry.alias())
}

/// The rule and what breaks it.
fn check_text(text: &str, vr: VR) -> std::result::Result<(), [String; 2]> {
    // Texts of several lines hold one value, in which a backslash is a character; the others hold a list.
    let is_list = !matches!(vr, VR::ST | VR::LT | VR::UT | VR::UR);
    let breaks_line = |c: char| matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    let control = |c: &char| c.is_control() && (is_list || !breaks_line(*c));
    if let Some(found) = text.chars().find(control) {
        return Err(["no control characters".into(), format!("U+{:04X}", u32::from(found))]);
    }
    let longest = longest(vr);
    let length =
        if is_list { text.split('\\').map(|v| v.chars().count()).max() } else { Some(text.chars().count()) };
    let length = length.unwrap_or(0);
    if length > longest {
        return Err([format!("{longest} characters at most"), format!("{length}")]);
    }
    let allowed = match vr {
        VR::UI => |c: char| c.is_ascii_digit() || c == '.',
        VR::CS => |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, ' ' | '_'),
        VR::DS | VR::IS => |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'),
        _ => |_: char| true,
    };
    match text.chars().find(|c| *c != '\\' && !allowed(*c)) {
        Some(found) => Err([format!("the characters of {}", vr.to_string()), format!("{found:?}")]),
        None => Ok(()),
    }
}

const fn longest(vr: VR) -> usize {
    match vr {
        VR::SH | VR::CS | VR::AE | VR::DS => 16,
        VR::IS => 12,
        VR::LO | VR::UI => 64,
        // Three groups of at most 64, and what separates them.
        VR::PN => 194,
        VR::DA => 8,
        VR::TM => 14,
        VR::DT => 26,
        VR::ST => 1024,
        VR::LT => 10_240,
        _ => usize::MAX,
    }
}

/// Refuses a backslash, which would make two values of one.
///
/// # Errors
/// [`Error::Invalid`].
pub(in crate::dicom) fn check_single(path: &Path, what: &'static str, text: &str) -> Result<()> {
    if text.contains('\\') {
        let (expected, found) = ("one value".into(), "a backslash".into());
        return Err(Error::Invalid { path: path.into(), what, expected, found });
    }
    Ok(())
}
