//! Damaged files give a result or a typed error: no panic, no absurd allocation.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used, clippy::panic)]

mod dicom_support;

use std::io::Write;
use std::path::Path;

use dicom_support::{expected_values, fixture};
use medio::Error;
use medio::dicom::{self, SkipReason};

const CASES: &[&str] = &[
    "explicit_le",
    "explicit_be",
    "implicit_le",
    "no_meta",
    "deflated",
    "rle",
    "jpeg_lossless",
    "jpeg_baseline",
    #[cfg(feature = "jpeg2000")]
    "jpeg2000",
];

/// Scans and loads; the voxels of what could be read.
fn read(path: &Path) -> Option<Vec<f32>> {
    let study = dicom::scan(path).ok()?;
    let (volume, _) = study[0].load().ok()?;
    Some(volume.as_slice().to_vec())
}

#[test]
fn truncated_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dcm");
    for case in CASES {
        let bytes = std::fs::read(fixture("dicom").join(case).join("1.dcm")).unwrap();
        let whole = read(&fixture("dicom").join(case).join("1.dcm")).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        // Shrinking one file is quicker than writing many. Every third length meets every part of an element.
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        let mut refused = 0;
        for length in (0..bytes.len()).rev().step_by(3) {
            file.set_len(length as u64).unwrap();
            match read(&path) {
                // Only what follows the pixels may be missing.
                Some(voxels) => assert!(voxels == whole, "{case} cut at {length}"),
                None => refused += 1,
            }
        }
        // At most the end of a fragment sequence or a byte of padding can be missed.
        assert!(refused >= bytes.len() / 3 - 8, "{case}: {refused} refused of {} bytes", bytes.len());
    }
}

#[test]
fn bytes_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dcm");
    for case in CASES {
        let bytes = std::fs::read(fixture("dicom").join(case).join("1.dcm")).unwrap();
        let (mut readable, mut refused) = (0, 0);
        for at in (0..bytes.len()).step_by(2) {
            let mut changed = bytes.clone();
            changed[at] ^= [0x01, 0xFF, 0x80][at / 2 % 3];
            std::fs::write(&path, &changed).unwrap();
            match read(&path) {
                Some(voxels) => {
                    readable += 1;
                    assert!(voxels.len() <= 1 << 20, "{case}: {} voxels from byte {at}", voxels.len());
                }
                None => refused += 1,
            }
        }
        // A changed name does no harm, a changed tag does.
        assert!(readable >= 20 && refused >= 20, "{case}: {readable} readable, {refused} refused");
    }
}

/// An element of bytes with its header, explicit VR little endian.
fn private_element(claimed: u32, value: &[u8]) -> Vec<u8> {
    [b"\x29\x00\x10\x10OB\x00\x00".as_slice(), &claimed.to_le_bytes(), value].concat()
}

/// The file meta information of the deflated fixture, before a data set of our own.
fn deflated_file(data_set: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let whole = std::fs::read(fixture("dicom/deflated/0.dcm")).unwrap();
    // FileMetaInformationGroupLength counts what follows it.
    let length = u32::from_le_bytes(whole[140..144].try_into().unwrap()) as usize;
    let mut encoder =
        flate2::write::DeflateEncoder::new(whole[..144 + length].to_vec(), flate2::Compression::fast());
    for part in data_set {
        encoder.write_all(&part).unwrap();
    }
    encoder.finish().unwrap()
}

fn reason_to_skip(bytes: &[u8]) -> SkipReason {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dcm");
    std::fs::write(&path, bytes).unwrap();
    match dicom::scan(&path) {
        Err(Error::NoImages { skipped, .. }) => skipped[0].reason.clone(),
        other => panic!("{other:?}"),
    }
}

const LONGEST_HEADER: u64 = 64 << 20;

#[test]
fn a_deflate_bomb_is_inflated_no_further_than_a_header_goes() {
    let one = private_element(1 << 20, &vec![0; 1 << 20]);
    let bomb = deflated_file(std::iter::repeat_n(one, 66));
    assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
    let SkipReason::HeaderTooLong { limit } = reason_to_skip(&bomb) else { panic!("not too long") };
    assert!(limit < LONGEST_HEADER && limit <= 64 * bomb.len() as u64, "{limit}");
    // Little of it, with an absurd claim.
    let claim = deflated_file(std::iter::once(private_element(0xFFFF_FFF0, b"")));
    assert_eq!(reason_to_skip(&claim), SkipReason::HeaderTooLong { limit: 1 << 20 });
    let zeros = deflated_file(std::iter::once(vec![0; 1 << 16]));
    assert_eq!(reason_to_skip(&zeros), SkipReason::Malformed { offset: 0 });
    let cut = deflated_file(std::iter::once(private_element(8, b"1234")));
    assert_eq!(reason_to_skip(&cut), SkipReason::Truncated { length: cut.len() as u64 });
}

#[test]
fn a_long_header_is_read_to_its_limit_and_less_of_what_may_be_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dcm");
    let reason = |start: &[u8], length: u64| {
        // A file with a hole: long, and on no disk.
        std::fs::write(&path, start).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
        match dicom::scan(&path) {
            Err(Error::NoImages { skipped, .. }) => skipped[0].reason.clone(),
            other => panic!("{other:?}"),
        }
    };
    let whole = std::fs::read(fixture("dicom/explicit_le/0.dcm")).unwrap();
    let meta = 144 + u32::from_le_bytes(whole[140..144].try_into().unwrap()) as usize;
    let start = [&whole[..meta], &private_element(70 << 20, b"")].concat();
    assert_eq!(reason(&start, 80 << 20), SkipReason::HeaderTooLong { limit: LONGEST_HEADER });
    // The claim goes beyond the file: there is nothing to read.
    assert_eq!(reason(&start, 60 << 20), SkipReason::Truncated { length: 60 << 20 });
    // SpecificCharacterSet of 2 MiB, without preamble or meta information.
    let start = [b"\x08\x00\x05\x00UT\x00\x00".as_slice(), &(2u32 << 20).to_le_bytes()].concat();
    assert_eq!(reason(&start, 3 << 20), SkipReason::NotDicom);
    // Zeros after the meta information.
    assert_eq!(reason(&whole[..meta], 1 << 20), SkipReason::Malformed { offset: meta as u64 });
}

#[test]
fn an_element_may_start_where_the_first_read_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.dcm");
    let whole = std::fs::read(fixture("dicom/explicit_le/0.dcm")).unwrap();
    let pixels = whole.windows(6).position(|w| w == b"\xE0\x7F\x10\x00OW").unwrap();
    let filling = vec![0; (64 << 10) - pixels - 12];
    let element = private_element(filling.len() as u32, &filling);
    std::fs::write(&path, [&whole[..pixels], &element, &whole[pixels..]].concat()).unwrap();
    assert_eq!(read(&path).unwrap(), expected_values("explicit_le").1[..48]);
}
