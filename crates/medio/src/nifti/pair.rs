//! Which two files belong together.

use std::path::{Path, PathBuf};

/// The header of a file in two parts, found from either name: `.hdr` for `.img`, compressed or not. The path itself where there
/// is none, or where it is no `.img`.
pub(super) fn header_of(path: &Path) -> PathBuf {
    partner(path, ["img", "hdr"]).unwrap_or_else(|| path.into())
}

/// The image of a header file: `.img` for `.hdr`, compressed or not. Where neither is there, the uncompressed name, for the
/// message. `None` where the name is not that of a header.
pub(super) fn image_of(header: &Path) -> Option<PathBuf> {
    partner(header, ["hdr", "img"]).or_else(|| Some(renamed(header, ["hdr", "img"])?.0))
}

fn partner(path: &Path, kinds: [&str; 2]) -> Option<PathBuf> {
    let (plain, gzip) = renamed(path, kinds)?;
    [plain, gzip].into_iter().find(|path| path.exists())
}

/// With the other kind in the place of the first, plain and with `.gz`, in the same case. `None` where it is not of the first kind.
pub(super) fn renamed(path: &Path, [from, to]: [&str; 2]) -> Option<(PathBuf, PathBuf)> {
    let is = |path: &Path, kind: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(kind));
    let base = if is(path, "gz") { path.with_extension("") } else { path.to_path_buf() };
    if !is(&base, from) {
        return None;
    }
    let upper = base.extension().is_some_and(|e| e.to_string_lossy().chars().all(char::is_uppercase));
    let (to, gz) = if upper { (to.to_ascii_uppercase(), "GZ") } else { (to.to_owned(), "gz") };
    Some((base.with_extension(&to), base.with_extension(format!("{to}.{gz}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exchanged_in_place() {
        let image = |name: &str| image_of(Path::new(name)).map(|p| p.to_string_lossy().into_owned());
        assert_eq!(image("a/sub-01.T1.hdr").unwrap(), "a/sub-01.T1.img");
        assert_eq!(image("a.hdr.gz").unwrap(), "a.img");
        assert_eq!(image("A.HDR").unwrap(), "A.IMG");
        for name in ["a.nii", "hdr", "a.gz", "a.img"] {
            assert_eq!(image(name), None);
        }
        assert_eq!(header_of(Path::new("none.img")), Path::new("none.img"));
    }
}
