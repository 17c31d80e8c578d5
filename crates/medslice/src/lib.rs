//! medslice
