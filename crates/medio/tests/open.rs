//! One function for all formats.

// Helpers outside of the test functions fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod golden;

use golden::{folder, sample};
use medio::{Error, Format};

#[test]
fn formats_are_told_by_content() {
    let temporary = tempfile::tempdir().unwrap();
    for (file, format) in [
        ("nifti/type_i2_be.nii", Format::Nifti),
        ("nifti/gzip.nii.gz", Format::Nifti),
        ("nifti/nifti2_be.nii", Format::Nifti),
        ("nrrd/gzip.nrrd", Format::Nrrd),
        ("nrrd/crlf.nrrd", Format::Nrrd),
        ("metaimage/zlib.mha", Format::MetaImage),
        ("metaimage/crlf.mha", Format::MetaImage),
    ] {
        let from = folder(file);
        let nameless = temporary.path().join("scan");
        std::fs::copy(&from, &nameless).unwrap();
        assert_eq!(Format::of(&nameless).unwrap(), format, "{file}");
        assert!(medio::read(&nameless).is_ok(), "{file}");
    }
    for name in ["explicit_le", "no_preamble", "explicit_be", "no_meta"] {
        let file = std::fs::read_dir(folder("dicom").join(name)).unwrap().next().unwrap().unwrap().path();
        assert_eq!(Format::of(file).unwrap(), Format::Dicom, "{name}");
    }
    let unknown = temporary.path().join("text");
    for content in ["", "N", "some = text", "\x1f\u{8b}"] {
        std::fs::write(&unknown, content).unwrap();
        assert!(matches!(Format::of(&unknown), Err(Error::UnknownFormat { .. })), "{content:?}");
    }
    assert!(matches!(medio::read(temporary.path().join("none")), Err(Error::Io { .. })));
}

#[test]
fn dicom_folders_hold_one_volume_or_the_error_lists_them() {
    assert!(medio::read(folder("dicom/explicit_le")).is_ok());
    let Err(Error::SeveralVolumes { volumes, .. }) = medio::read(folder("dicom/two_series")) else {
        panic!("read")
    };
    assert_eq!(volumes.len(), 2);
}

#[test]
fn the_extension_chooses_what_is_written() {
    let temporary = tempfile::tempdir().unwrap();
    for name in ["a.nii", "b.NII.gz", "c.nrrd", "d.nhdr", "e.mha", "f.mhd"] {
        let path = temporary.path().join(name);
        medio::write(&path, &sample()).unwrap();
        let back = medio::read(&path).unwrap();
        assert_eq!(back.cast::<i16>().as_slice(), sample().as_slice(), "{name}");
        assert!(back.geometry().is_close(sample().geometry(), 1e-4), "{name}");
    }
    let other = medio::write(temporary.path().join("a.dcm"), &sample());
    assert!(matches!(other, Err(Error::Invalid { .. })));
}
