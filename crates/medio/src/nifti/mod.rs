//! NIfTI
