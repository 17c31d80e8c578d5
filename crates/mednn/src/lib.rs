//! mednn
