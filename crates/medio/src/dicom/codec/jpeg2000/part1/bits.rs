//! The headers of packets, bit by bit, and tag trees (ISO/IEC 15444-1 B.10).

/// Reads bits; after a byte of ones comes one of seven bits.
pub(super) struct Bits<'a> {
    pub(super) data: &'a [u8],
    pub(super) at: usize,
    byte: u8,
    left: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, byte: 0, left: 0 }
    }

    pub(super) fn bit(&mut self) -> Option<u32> {
        if self.left == 0 {
            self.left = if self.byte == 0xFF { 7 } else { 8 };
            self.byte = *self.data.get(self.at)?;
            self.at += 1;
        }
        self.left -= 1;
        Some(u32::from(self.byte >> self.left & 1))
    }

    pub(super) fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0u32, |v, _| Some(v << 1 | self.bit()?))
    }

    /// Goes to the next whole byte.
    pub(super) fn align(&mut self) -> Option<()> {
        if self.byte == 0xFF {
            self.data.get(self.at)?;
            self.at += 1;
        }
        (self.byte, self.left) = (0, 0);
        Some(())
    }
}

#[derive(Clone, Copy)]
struct Node {
    /// The value, once it is known.
    value: u32,
    /// It is not below this.
    least: u32,
}

/// A tag tree (B.10.2).
pub(super) struct TagTree {
    /// Width of each level and where it starts, from the leaves to the root.
    levels: Vec<(usize, usize)>,
    nodes: Vec<Node>,
}

impl TagTree {
    pub(super) fn new(mut width: usize, mut height: usize) -> Self {
        let mut levels = Vec::new();
        let mut count = 0;
        while width * height > 0 {
            levels.push((width, count));
            count += width * height;
            if width * height == 1 {
                break;
            }
            (width, height) = (width.div_ceil(2), height.div_ceil(2));
        }
        Self { levels, nodes: vec![Node { value: u32::MAX, least: 0 }; count] }
    }

    /// Reads as much as tells whether the value of a leaf is below a threshold.
    pub(super) fn is_below(
        &mut self,
        bits: &mut Bits,
        (x, y): (usize, usize),
        threshold: u32,
    ) -> Option<bool> {
        let mut least = 0;
        let mut value = u32::MAX;
        for (level, (width, start)) in self.levels.iter().enumerate().rev() {
            let node = self.nodes.get_mut(start + (y >> level) * width + (x >> level))?;
            node.least = node.least.max(least);
            while node.least < threshold && node.least < node.value {
                match bits.bit()? {
                    0 => node.least += 1,
                    _ => node.value = node.least,
                }
            }
            (least, value) = (node.least, node.value);
        }
        Some(value < threshold)
    }
}
