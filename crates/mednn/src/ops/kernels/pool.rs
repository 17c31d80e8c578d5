//! Memory that is free to be used again.

use super::buffer::Line;

/// Times that memory is taken before it is forgotten how much was in use at once.
const MEMORY: usize = 1 << 14;

/// Free memory and that which is in use, together never more than was in use at once lately and something to spare.
///
/// In a training step all gradients are there at its end, and gone before the next: the memory of the last step is that of the next one,
/// whatever its size. In a pass without gradients little is in use at once.
#[derive(Debug)]
pub(super) struct Pool {
    /// Lines that may be free where as much is in use as ever.
    spare: usize,
    /// That which has not been used for longest comes first.
    free: Vec<Vec<Line>>,
    /// Lines of [`free`](Self::free).
    idle: usize,
    /// Lines in use.
    used: usize,
    /// The most lines in use at once, in the time before and in this one.
    most: [usize; 2],
    takes: usize,
}

impl Pool {
    pub(super) const fn new(spare: usize) -> Self {
        Self { spare, free: Vec::new(), idle: 0, used: 0, most: [0; 2], takes: 0 }
    }

    /// The smallest free memory that is large enough, if it is not much too large. Where there is none, the caller gets some elsewhere and gives it
    /// back here.
    pub(super) fn take(&mut self, lines: usize) -> Option<Vec<Line>> {
        let fits = |memory: &Vec<Line>| (lines..=lines + lines / 4).contains(&memory.len());
        let best = (0..self.free.len()).filter(|&i| fits(&self.free[i])).min_by_key(|&i| self.free[i].len());
        // In order: how long memory has been free is where it stands.
        let memory = best.map(|best| self.free.remove(best));
        self.idle -= memory.as_ref().map_or(0, Vec::len);
        self.used += memory.as_ref().map_or(lines, Vec::len);
        self.takes += 1;
        if self.takes.is_multiple_of(MEMORY) {
            self.most = [self.most[1], 0];
        }
        self.most[1] = self.most[1].max(self.used);
        memory
    }

    /// Takes memory back that is no longer in use, and returns what is too much.
    pub(super) fn give_back(&mut self, memory: Vec<Line>) -> Vec<Vec<Line>> {
        self.used = self.used.saturating_sub(memory.len());
        self.idle += memory.len();
        self.free.push(memory);
        let most = self.most[0].max(self.most[1]) + self.spare;
        let mut too_much = 0;
        while self.used + self.idle > most && too_much < self.free.len() {
            self.idle -= self.free[too_much].len();
            too_much += 1;
        }
        self.free.drain(..too_much).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPARE: usize = 4096;

    fn fresh(pool: &mut Pool, lines: usize) -> Vec<Line> {
        pool.take(lines).unwrap_or_else(|| Line::zeros(lines))
    }

    #[test]
    fn what_was_in_use_at_once_is_kept() {
        let mut pool = Pool::new(SPARE);
        let lines = SPARE / 4;
        let held: Vec<_> = (0..8).map(|_| fresh(&mut pool, lines)).collect();
        // All that was in use, though it is twice what may be spare.
        assert!(held.into_iter().all(|memory| pool.give_back(memory).is_empty()));
        assert_eq!((pool.used, pool.idle), (0, 2 * SPARE));
        let again: Vec<_> = (0..8).map(|_| pool.take(lines)).collect();
        assert!(again.iter().all(Option::is_some) && pool.idle == 0);
        // Other sizes are not worth more than what is spare.
        for memory in again.into_iter().flatten() {
            pool.give_back(memory);
        }
        let other: Vec<_> = (0..8).map(|_| fresh(&mut pool, 2 * lines)).collect();
        let given: usize = other.into_iter().map(|memory| pool.give_back(memory).len()).sum();
        assert!(given > 0);
        assert!(pool.idle <= 4 * SPARE + SPARE, "{}", pool.idle);
    }

    #[test]
    fn large_use_is_forgotten() {
        let mut pool = Pool::new(SPARE);
        let large = fresh(&mut pool, 4 * SPARE);
        pool.give_back(large);
        for _ in 0..2 * MEMORY {
            let memory = fresh(&mut pool, 16);
            pool.give_back(memory);
        }
        assert!(pool.idle <= SPARE + 16, "{}", pool.idle);
    }

    #[test]
    fn memory_that_is_much_too_large_waits_for_other_use() {
        let mut pool = Pool::new(SPARE);
        let memory = fresh(&mut pool, 2000);
        pool.give_back(memory);
        assert!(pool.take(1000).is_none());
        assert_eq!(pool.take(1900).map(|memory| memory.len()), Some(2000));
    }
}
