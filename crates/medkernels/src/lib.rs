//! Fast operations of neural networks on slices of `f32`, on the CPU.
