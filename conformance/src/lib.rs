//! Instruments that judge [`medio`].
//!
//! | question | instrument |
//! |---|---|
//! | does it read what pydicom, nibabel and SimpleITK read? | `run.py`, which asks the binary `observe` |
//! | does it still read what it read? | `table.tsv`, checked by `cargo test -p medio-conformance` |
//! | does it survive damaged files? | the binary `mutate`, and `fuzz/` |
//!
//! Only [`observe`] knows the interface of [`medio`].

pub mod allocator;
pub mod mutation;
pub mod observation;
pub mod observe;
pub mod table;
