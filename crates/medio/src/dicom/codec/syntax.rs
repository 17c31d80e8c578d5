//! The transfer syntaxes of images (PS3.5 chapter 10 and annex A).

use dicom_dictionary_std::uids;

/// What compresses the frames of a transfer syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
}

/// How the pixels of a transfer syntax are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Native,
    Encapsulated(Codec),
    /// A stream of pictures, or a compression that this build does not decode.
    Unsupported {
        feature: Option<&'static str>,
    },
}

/// A transfer syntax by its UID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TransferSyntax {
    pub(crate) name: &'static str,
    pub(crate) storage: Storage,
}

impl TransferSyntax {
    /// What is known of a UID.
    pub(crate) fn of(uid: &str) -> Self {
        const NO: Storage = Storage::Unsupported { feature: None };
        const RLE: Storage = Storage::Encapsulated(Codec::Rle);
        const JPEG: Storage = Storage::Encapsulated(Codec::Jpeg);
        const JPEG_LS: Storage = Storage::Encapsulated(Codec::JpegLs);
        const JPEG_2000: Storage = if cfg!(feature = "jpeg2000") {
            Storage::Encapsulated(Codec::Jpeg2000)
        } else {
            Storage::Unsupported { feature: Some("jpeg2000") }
        };
        let (name, storage) = match uid {
            "1.2.840.10008.1.2" => ("Implicit VR Little Endian", Storage::Native),
            "1.2.840.10008.1.2.1" => ("Explicit VR Little Endian", Storage::Native),
            "1.2.840.10008.1.2.1.98" => ("Encapsulated Uncompressed Explicit VR Little Endian", NO),
            "1.2.840.10008.1.2.1.99" => ("Deflated Explicit VR Little Endian", Storage::Native),
            "1.2.840.10008.1.2.2" => ("Explicit VR Big Endian", Storage::Native),
            "1.2.840.10008.1.2.8.1" => ("Deflated Image Frame Compression", NO),
            "1.2.840.10008.1.2.5" => ("RLE Lossless", RLE),
            "1.2.840.10008.1.2.4.50" => ("JPEG Baseline (Process 1)", JPEG),
            "1.2.840.10008.1.2.4.51" => ("JPEG Extended (Process 2 and 4)", JPEG),
            // Retired, and found in archives: spectral selection and full progression.
            "1.2.840.10008.1.2.4.53" => ("JPEG Spectral Selection (Process 6 and 8)", JPEG),
            "1.2.840.10008.1.2.4.55" => ("JPEG Full Progression (Process 10 and 12)", JPEG),
            "1.2.840.10008.1.2.4.57" => ("JPEG Lossless (Process 14)", JPEG),
            "1.2.840.10008.1.2.4.70" => {
                ("JPEG Lossless, First-Order Prediction (Process 14, Selection Value 1)", JPEG)
            }
            "1.2.840.10008.1.2.4.80" => ("JPEG-LS Lossless", JPEG_LS),
            "1.2.840.10008.1.2.4.81" => ("JPEG-LS Lossy (Near-Lossless)", JPEG_LS),
            "1.2.840.10008.1.2.4.90" => ("JPEG 2000 (Lossless Only)", JPEG_2000),
            "1.2.840.10008.1.2.4.91" => ("JPEG 2000", JPEG_2000),
            "1.2.840.10008.1.2.4.92" => ("JPEG 2000 Part 2 Multi-component (Lossless Only)", NO),
            "1.2.840.10008.1.2.4.93" => ("JPEG 2000 Part 2 Multi-component", NO),
            "1.2.840.10008.1.2.4.100" | "1.2.840.10008.1.2.4.100.1" => {
                ("MPEG2 Main Profile / Main Level video", NO)
            }
            "1.2.840.10008.1.2.4.101" | "1.2.840.10008.1.2.4.101.1" => {
                ("MPEG2 Main Profile / High Level video", NO)
            }
            "1.2.840.10008.1.2.4.102" | "1.2.840.10008.1.2.4.102.1" => {
                ("MPEG-4 AVC/H.264 High Profile video", NO)
            }
            "1.2.840.10008.1.2.4.103" | "1.2.840.10008.1.2.4.103.1" => {
                ("MPEG-4 AVC/H.264 BD-compatible video", NO)
            }
            "1.2.840.10008.1.2.4.104" | "1.2.840.10008.1.2.4.104.1" => {
                ("MPEG-4 AVC/H.264 High Profile 4.2 for 2D video", NO)
            }
            "1.2.840.10008.1.2.4.105" | "1.2.840.10008.1.2.4.105.1" => {
                ("MPEG-4 AVC/H.264 High Profile 4.2 for 3D video", NO)
            }
            "1.2.840.10008.1.2.4.106" | "1.2.840.10008.1.2.4.106.1" => {
                ("MPEG-4 AVC/H.264 Stereo High Profile video", NO)
            }
            "1.2.840.10008.1.2.4.107" => ("HEVC/H.265 Main Profile video", NO),
            "1.2.840.10008.1.2.4.108" => ("HEVC/H.265 Main 10 Profile video", NO),
            "1.2.840.10008.1.2.4.94" => ("JPIP Referenced", NO),
            "1.2.840.10008.1.2.4.95" => ("JPIP Referenced Deflate", NO),
            "1.2.840.10008.1.2.4.110" => ("JPEG XL Lossless", NO),
            "1.2.840.10008.1.2.4.111" => ("JPEG XL JPEG Recompression", NO),
            "1.2.840.10008.1.2.4.112" => ("JPEG XL", NO),
            "1.2.840.10008.1.2.4.201" => ("High-Throughput JPEG 2000 (Lossless Only)", JPEG_2000),
            "1.2.840.10008.1.2.4.202" => ("High-Throughput JPEG 2000 with RPCL (Lossless Only)", JPEG_2000),
            "1.2.840.10008.1.2.4.203" => ("High-Throughput JPEG 2000", JPEG_2000),
            _ => ("unknown", NO),
        };
        Self { name, storage }
    }
}

/// Whether a transfer syntax loses information by definition.
pub(crate) fn is_lossy(uid: &str) -> bool {
    matches!(
        uid,
        uids::JPEG_BASELINE8_BIT
            | uids::JPEG_EXTENDED12_BIT
            | "1.2.840.10008.1.2.4.53"
            | "1.2.840.10008.1.2.4.55"
            | uids::JPEGLS_NEAR_LOSSLESS
            | uids::JPEGXL
    )
}
