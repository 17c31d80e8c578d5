//! Broken, hostile and unsupported files end in a typed error.

// Helpers outside of the test functions fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod nifti_common;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use medio::nifti::{ReadOptions, Report, from_bytes};
use medio::{Error, nifti};
use nifti_common::bytes;

const DIM: usize = 40;
const DATATYPE: usize = 70;
const PIXDIM: usize = 76;
const VOX_OFFSET: usize = 108;
const QFORM_CODE: usize = 252;
const SFORM_CODE: usize = 254;
const QUATERN_B: usize = 256;
const SROW_X: usize = 280;
const MAGIC: usize = 344;

fn read(bytes: &[u8]) -> Result<Report, Error> {
    from_bytes::<f32>(bytes, &ReadOptions::default()).map(|(_, report)| report)
}

/// A sound int16 file with some bytes replaced.
fn patched(changes: &[(usize, &[u8])]) -> Vec<u8> {
    let mut file = bytes("type_i2_le.nii");
    for (at, value) in changes {
        file[*at..at + value.len()].copy_from_slice(value);
    }
    file
}

fn dims(dims: &[i16]) -> Vec<u8> {
    let mut file = patched(&[]);
    for (i, n) in dims.iter().enumerate() {
        file[DIM + 2 * i..DIM + 2 * i + 2].copy_from_slice(&n.to_le_bytes());
    }
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn what(file: &[u8]) -> &'static str {
    match read(file) {
        Err(Error::Invalid { what, .. }) => what,
        other => panic!("expected Error::Invalid, found {other:?}"),
    }
}

#[test]
fn claims_beyond_the_file_allocate_nothing() {
    // 2^45 and 2^40 voxels. A reader that believed the first could not even be given the memory.
    for claim in [[3, 32767, 32767, 32767], [3, 16384, 16384, 4096]] {
        let plain = dims(&claim);
        assert!(matches!(read(&plain), Err(Error::Truncated { .. })));
        assert!(matches!(read(&gzip(&plain)), Err(Error::Truncated { .. })));
    }
    let all = dims(&[7, 32767, 32767, 32767, 32767, 32767, 32767, 32767]);
    let invalid_size =
        |e: &Error| matches!(e, Error::Geometry { source: medcore::Error::InvalidSize { .. }, .. });
    assert!(read(&all).is_err_and(|e| invalid_size(&e)));
    let mut nifti2 = bytes("nifti2_le.nii");
    nifti2[24..32].copy_from_slice(&(1i64 << 40).to_le_bytes());
    assert!(matches!(read(&nifti2), Err(Error::Truncated { .. })));
    nifti2[24..32].copy_from_slice(&i64::MAX.to_le_bytes());
    assert!(read(&nifti2).is_err_and(|e| invalid_size(&e)));
}

#[test]
fn a_claim_that_deflate_could_just_hold_is_read_until_it_ends() {
    // Twenty times the voxels that are there, but well below what a stream of this length could hold.
    let mut file = dims(&[3, 100, 100, 100]);
    file.resize(352 + 100_000, 0x55);
    file.extend((0..4000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()));
    let Err(Error::Truncated { expected, found, .. }) = read(&gzip(&file)) else { panic!("no error") };
    assert!(found <= 352 + 116_000 && expected > found);
}

#[test]
fn dimensions_that_cannot_be() {
    for rank in [0, -1, 8, 348] {
        assert!(what(&dims(&[rank])).contains("dim[0]"));
    }
    for extents in [[3, 0, 3, 2], [3, -1, 3, 2], [3, 4, -3, 2], [3, 4, 3, i16::MIN]] {
        assert!(what(&dims(&extents)).contains("extent"));
    }
    // Extents beyond the rank mean nothing.
    assert!(read(&dims(&[3, 4, 3, 2, 0, -7])).is_ok());
}

#[test]
fn offsets_that_cannot_be() {
    for offset in [-5f32, -0.5, 1.0, 348.0, 352.5, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
        assert!(what(&patched(&[(VOX_OFFSET, &offset.to_le_bytes())])).contains("vox_offset"), "{offset}");
    }
    for offset in [353f32, 400.0, 401.0, 1e9] {
        let file = patched(&[(VOX_OFFSET, &offset.to_le_bytes())]);
        assert!(matches!(read(&file), Err(Error::Truncated { .. })), "{offset}");
        assert!(matches!(read(&gzip(&file)), Err(Error::Truncated { .. })), "{offset}");
    }
}

#[test]
fn other_files_are_told_apart() {
    let unsupported = |file: &[u8]| match read(file) {
        Err(Error::Unsupported { found, .. }) => found,
        other => panic!("expected Error::Unsupported, found {other:?}"),
    };
    assert!(unsupported(&patched(&[(MAGIC, b"ni1\0")])).contains(".hdr/.img"));
    assert!(unsupported(&patched(&[(MAGIC, &[0; 4])])).contains("ANALYZE"));
    let mut pair = bytes("nifti2_be.nii");
    pair[4..8].copy_from_slice(b"ni2\0");
    assert!(unsupported(&pair).contains(".hdr/.img"));
    for (code, name) in [(1536i16, "128"), (2048, "complex"), (1, "1-bit")] {
        let found = unsupported(&patched(&[(DATATYPE, &code.to_le_bytes())]));
        assert!(found.contains(name), "{found}");
    }
    assert_eq!(what(&patched(&[(DATATYPE, &[0, 0])])), "NIfTI datatype");
    assert_eq!(what(&patched(&[(DATATYPE, &[3, 0])])), "NIfTI datatype");
    assert_eq!(what(&patched(&[(MAGIC, b"n+3\0")])), "NIfTI magic");
    assert_eq!(what(&patched(&[(0, &[1])])), "NIfTI sizeof_hdr");
    assert_eq!(what(&[b'x'; 1000]), "NIfTI sizeof_hdr");
    let mut text_mode = bytes("nifti2_le.nii");
    text_mode[8..12].copy_from_slice(b"\n\x1a\n\0");
    assert_eq!(what(&text_mode), "NIfTI-2 magic, second half");
}

#[test]
fn affines_without_an_inverse() {
    let geometry = |file: &[u8]| match read(file) {
        Err(Error::Geometry { source, .. }) => source,
        other => panic!("expected Error::Geometry, found {other:?}"),
    };
    let nan = f32::NAN.to_le_bytes();
    let no_qform: (usize, &[u8]) = (QFORM_CODE, &[0, 0]);
    let singular = patched(&[no_qform, (SROW_X, &[0; 48])]);
    assert!(matches!(geometry(&singular), medcore::Error::SingularAffine { .. }));
    assert!(matches!(geometry(&patched(&[no_qform, (SROW_X, &nan)])), medcore::Error::NotFinite { .. }));
    assert!(matches!(geometry(&patched(&[no_qform, (SROW_X + 12, &nan)])), medcore::Error::NotFinite { .. }));
    // Both broken: the error is about the one that comes first.
    let both = patched(&[(SROW_X, &[0; 48]), (QUATERN_B, &nan)]);
    assert!(matches!(geometry(&both), medcore::Error::SingularAffine { .. }));
    let no_sform: (usize, &[u8]) = (SFORM_CODE, &[0, 0]);
    assert!(matches!(geometry(&patched(&[no_sform, (QUATERN_B, &nan)])), medcore::Error::NotFinite { .. }));
    assert!(matches!(geometry(&patched(&[no_sform, (PIXDIM + 4, &nan)])), medcore::Error::NotFinite { .. }));
    let neither: (usize, &[u8]) = (QFORM_CODE, &[0, 0, 0, 0]);
    assert!(matches!(geometry(&patched(&[neither, (PIXDIM + 8, &nan)])), medcore::Error::NotFinite { .. }));
}

#[test]
fn a_broken_qform_does_not_matter_beside_a_sound_sform() {
    let report = read(&patched(&[(QUATERN_B, &f32::NAN.to_le_bytes())])).unwrap();
    assert_eq!(report.disagreement_mm, Some(f64::INFINITY));
}

#[test]
fn damaged_gzip() {
    let whole = bytes("gzip.nii.gz");
    assert!(read(&whole).is_ok());
    for checksum in 1..=8 {
        let mut file = whole.clone();
        let at = file.len() - checksum;
        file[at] ^= 0x10;
        assert_eq!(what(&file), "gzip stream");
    }
    for end in [3, 9, 20, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        assert!(matches!(read(&whole[..end]), Err(Error::Truncated { .. })), "{end}");
    }
    let mut second_member = bytes("gzip_members.nii.gz");
    second_member.truncate(second_member.len() - 4);
    assert!(matches!(read(&second_member), Err(Error::Truncated { .. })));
}

#[test]
fn no_file_and_no_bytes() {
    assert!(matches!(nifti::read("no/such/file.nii"), Err(Error::Io { .. })));
    assert!(matches!(nifti::read(nifti_common::folder()), Err(Error::Io { .. })));
    assert!(matches!(read(&[]), Err(Error::Truncated { found: 0, expected: 348, .. })));
    assert!(matches!(read(&[0x1f]), Err(Error::Truncated { .. })));
    assert!(matches!(read(&[0x1f, 0x8b]), Err(Error::Truncated { .. })));
}

const FILES: [&str; 6] = [
    "type_i2_le.nii",
    "type_f4_be.nii",
    "nifti2_be.nii",
    "gzip.nii.gz",
    "gzip_members.nii.gz",
    "dim_4.nii.gz",
];

#[test]
fn every_truncation_is_an_error() {
    for name in FILES {
        let whole = bytes(name);
        let options = ReadOptions::new().volume(0);
        let last = ReadOptions::new().volume(2);
        let options = if name.starts_with("dim_4") { last } else { options };
        assert!(from_bytes::<i16>(&whole, &options).is_ok());
        for end in 0..whole.len() {
            assert!(from_bytes::<i16>(&whole[..end], &options).is_err(), "{name} cut at {end}");
        }
    }
}

/// xorshift64 (Marsaglia, 2003).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn flipped_bytes_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let options = ReadOptions::new().volume(0);
    let (mut fine, mut refused) = (0, 0);
    for name in FILES {
        let whole = bytes(name);
        for _ in 0..3000 {
            let mut file = whole.clone();
            let at = random(&mut state) as usize % file.len();
            file[at] ^= (random(&mut state) % 255 + 1) as u8;
            match from_bytes::<i16>(&file, &options) {
                Ok((volume, _)) => {
                    assert_eq!(volume.as_slice().len(), volume.geometry().voxels());
                    fine += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(fine > 1000 && refused > 1000, "{fine} fine, {refused} refused");
}
