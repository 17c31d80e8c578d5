//! medburn
