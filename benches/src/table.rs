//! Tables in Markdown.

/// Prints a table: the first column to the left, numbers to the right.
pub fn print(header: &[&str], rows: &[Vec<String>]) {
    print!("{}", markdown(header, rows));
}

fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
    let widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(c, name)| rows.iter().map(|row| cell(row, c).len()).chain([name.len(), 3]).max().unwrap_or(3))
        .collect();
    let line = |row: &[String]| {
        let cells = widths.iter().enumerate().map(|(c, &width)| {
            let text = cell(row, c);
            if c == 0 { format!(" {text:width$} |") } else { format!(" {text:>width$} |") }
        });
        format!("|{}\n", cells.collect::<String>())
    };
    let names: Vec<String> = header.iter().map(ToString::to_string).collect();
    let rule: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(c, &width)| if c == 0 { "-".repeat(width) } else { format!("{}:", "-".repeat(width - 1)) })
        .collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    line(&names) + &line(&rule) + &body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["attention".to_string(), "1.5".to_string()]];
        let expected = "| work      |  ms |\n| --------- | --: |\n| attention | 1.5 |\n";
        assert_eq!(markdown(&["work", "ms"], &rows), expected);
    }
}
