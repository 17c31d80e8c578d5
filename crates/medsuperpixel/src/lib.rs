//! Superpixels and supervoxels of medical images.
