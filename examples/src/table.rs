//! Text in columns.

/// Rows with the columns aligned; numbers stand where they are put, to the left. The first row is the heading.
///
/// ```
/// use medburn_examples::table::aligned;
///
/// let rows = [["#", "modality"].map(String::from), ["0", "CT"].map(String::from)];
/// assert_eq!(aligned(&rows), "#  modality\n0  CT\n");
/// ```
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
