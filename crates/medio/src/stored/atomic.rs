//! Files that are complete or not there.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Writes a file in one step: a temporary one in the same folder takes its name once it is complete and on the disk. Whatever
/// happens before leaves what was there.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let save = || {
        let file = temporary_beside(path)?;
        let mut out = BufWriter::with_capacity(1 << 17, file.as_file());
        write(&mut out)?;
        out.flush()?;
        drop(out);
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    save().map_err(|source| Error::Io { path: path.into(), source })
}

/// In the same folder, so that it can be renamed.
fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".medio-").suffix(".partial");
    // A temporary file is private by default; this one becomes an ordinary file, as far as the umask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_file_never_takes_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let names = || std::fs::read_dir(folder.path()).unwrap().count();
        write_atomically(&path, |out| out.write_all(b"whole")).unwrap();
        let failed = write_atomically(&path, |out| {
            out.write_all(&[0; 1 << 20])?;
            assert_eq!(std::fs::read(&path)?, b"whole", "while the new one is being written");
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(matches!(failed, Err(Error::Io { .. })));
        assert_eq!((std::fs::read(&path).unwrap(), names()), (b"whole".to_vec(), 1));
        write_atomically(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!((std::fs::read(&path).unwrap(), names()), (b"new".to_vec(), 1));
    }
}
