//! Tables of comma-separated values (RFC 4180).

use std::collections::HashMap;

use crate::error::{Error, Result};

/// A table with a header.
#[derive(Debug)]
pub(crate) struct Table {
    columns: HashMap<String, usize>,
    rows: Vec<Vec<String>>,
}

/// One row of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    columns: &'a HashMap<String, usize>,
    fields: &'a [String],
}

impl Table {
    /// Parses a text; `required` columns must be in its header.
    pub(crate) fn parse(what: &str, text: &str, required: &[&str]) -> Result<Self> {
        let wrong =
            |expected: String, found: String| Error::Table { what: what.to_string(), expected, found };
        let mut rows = records(text)
            .ok_or_else(|| wrong("every quote to be closed".to_string(), "one that is not".to_string()))?;
        if rows.is_empty() {
            return Err(wrong("a header".to_string(), "an empty table".to_string()));
        }
        let header = rows.remove(0);
        let columns: HashMap<String, usize> = header
            .iter()
            .enumerate()
            .map(|(at, name)| (name.trim().trim_start_matches('\u{feff}').to_ascii_lowercase(), at))
            .collect();
        match required.iter().find(|name| !columns.contains_key(&name.to_ascii_lowercase())) {
            Some(name) => Err(wrong(format!("a column {name}"), header.join(","))),
            None => Ok(Self { columns, rows }),
        }
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|fields| Row { columns: &self.columns, fields })
    }
}

impl<'a> Row<'a> {
    /// A field, if the table has the column and the row reaches it; trimmed.
    pub(crate) fn get(&self, column: &str) -> Option<&'a str> {
        let at = *self.columns.get(&column.to_ascii_lowercase())?;
        self.fields.get(at).map(|field| field.trim())
    }

    /// A field that is not empty.
    pub(crate) fn text(&self, column: &str) -> Option<&'a str> {
        self.get(column).filter(|field| !field.is_empty())
    }

    pub(crate) fn number(&self, column: &str) -> Option<f64> {
        self.text(column)?.parse().ok()
    }
}

/// Records of fields; none when a quote does not end. Empty lines are passed over.
fn records(text: &str) -> Option<Vec<Vec<String>>> {
    let (mut records, mut fields, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.trim().is_empty() => {
                field.clear();
                quoted = true;
            }
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                fields.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut fields));
            }
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            c => field.push(c),
        }
    }
    if quoted {
        return None;
    }
    if !field.is_empty() || !fields.is_empty() {
        fields.push(field);
        records.push(fields);
    }
    records.retain(|record: &Vec<String>| record.iter().any(|field| !field.trim().is_empty()));
    Some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_line_ends() {
        let text = "\u{feff}Name, x\r\n\"a, \"\"b\"\"\n c\",1.5\r\n\r\nlast,";
        let table = Table::parse("t", text, &["name", "X"]).unwrap();
        let rows: Vec<_> = table.rows().collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].get("name"), Some("a, \"b\"\n c"));
        assert_eq!(rows[0].number("x"), Some(1.5));
        assert_eq!((rows[1].get("x"), rows[1].text("x"), rows[1].get("y")), (Some(""), None, None));
    }

    #[test]
    fn tables_that_cannot_be_are_refused() {
        assert!(matches!(Table::parse("t", "", &[]), Err(Error::Table { .. })));
        assert!(matches!(Table::parse("t", "a,\"b\n1,2", &[]), Err(Error::Table { .. })));
        assert!(matches!(Table::parse("t", "a,b\n1,2", &["c"]), Err(Error::Table { .. })));
    }
}
