//! Work on several threads.
//!
//! A network on one image is hundreds of pieces of work of some ten microseconds, from a thread that is none of rayon's: to hand one to rayon's
//! pool and to wait for it takes as long. So the calling thread works too, and helpers look out for more for a moment before they sleep.
//! They are as many as rayon's pool has threads, less one. On a thread of rayon's, and while another thread has the helpers, rayon
//! shares out the work.
#![allow(unsafe_code)]

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rayon::prelude::*;

/// How long a helper looks out for work before it sleeps.
const ALERT: Duration = Duration::from_micros(100);
/// Looks between two at the clock.
const LOOKS: usize = 64;

/// Runs `body` for each number below `count`, on as many threads as rayon's current pool has.
pub(crate) fn for_each(count: usize, body: impl Fn(usize) + Sync + Send) {
    if count <= 1 || INSIDE.with(Cell::get) || rayon::current_num_threads() == 1 {
        (0..count).for_each(body);
    } else if rayon::current_thread_index().is_some() || !Team::global().run(count, &body) {
        (0..count).into_par_iter().for_each(body);
    }
}

thread_local! {
    /// Whether this thread is working on a part of something.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// What is to be done: `body` for each number below `count`.
#[derive(Clone, Copy)]
struct Job {
    body: *const (dyn Fn(usize) + Sync),
    count: usize,
}

/// The helpers, and what they are to do.
struct Team {
    /// Held by the thread whose work is done.
    caller: Mutex<()>,
    /// Read by helpers that are in, written while there are none.
    job: UnsafeCell<Option<Job>>,
    /// Odd while helpers may come in, another number for each job.
    door: AtomicUsize,
    /// Helpers that are in, or looking whether the door is open.
    inside: AtomicUsize,
    /// The next number to run the body for.
    next: AtomicUsize,
    asleep: AtomicUsize,
    bed: Mutex<()>,
    alarm: Condvar,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: the job is written by the one caller while the door is closed and nobody is inside; see `work`.
unsafe impl Sync for Team {}

impl Team {
    /// That of this process, whose helpers start when first needed.
    fn global() -> &'static Self {
        static TEAM: OnceLock<&'static Team> = OnceLock::new();
        TEAM.get_or_init(|| {
            let team: &'static Self = Box::leak(Box::new(Self::new()));
            for index in 1..rayon::current_num_threads() {
                // With fewer helpers, or none, the work is done too.
                let _ = std::thread::Builder::new()
                    .name(format!("medkernels-{index}"))
                    .spawn(move || team.help());
            }
            team
        })
    }

    fn new() -> Self {
        Self {
            caller: Mutex::default(),
            job: UnsafeCell::new(None),
            door: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            asleep: AtomicUsize::new(0),
            bed: Mutex::default(),
            alarm: Condvar::new(),
            panic: Mutex::default(),
        }
    }

    /// Runs the job with what helpers come; false where another thread has them.
    fn run(&self, count: usize, body: &(dyn Fn(usize) + Sync)) -> bool {
        let _caller = match self.caller.try_lock() {
            Ok(caller) => caller,
            // A body panicked, after which everything was in order again.
            Err(TryLockError::Poisoned(caller)) => caller.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        // SAFETY: only the lifetime changes. The body is not called after `Closing` is dropped, which is before it ends.
        let body: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(body) };
        // SAFETY: the door is closed and nobody is inside: this is the only thread that touches it.
        unsafe { *self.job.get() = Some(Job { body, count }) };
        self.next.store(0, SeqCst);
        self.door.fetch_add(1, SeqCst);
        let closing = Closing(self);
        if self.asleep.load(SeqCst) > 0 {
            let _bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
            self.alarm.notify_all();
        }
        self.work();
        drop(closing);
        let panic = self.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        true
    }

    /// Does what is left of the job. Only while the door is open, or counted as inside since it was.
    fn work(&self) {
        // SAFETY: as long as somebody is inside, the caller does not go on to another job.
        let Some(Job { body, count }) = (unsafe { *self.job.get() }) else { return };
        INSIDE.with(|inside| inside.set(true));
        let result = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let number = self.next.fetch_add(1, SeqCst);
                if number >= count {
                    break;
                }
                // SAFETY: the caller, which has the body, waits until nobody is inside.
                unsafe { (*body)(number) };
            }
        }));
        INSIDE.with(|inside| inside.set(false));
        if let Err(panic) = result {
            // The rest need not be done.
            self.next.store(count, SeqCst);
            *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
        }
    }

    /// The life of a helper.
    fn help(&self) {
        let mut done = 0;
        loop {
            let door = self.wait(done);
            // First in, then a look whether the door is still the one that was seen open: the caller closes it first and looks then whether
            // somebody is inside.
            self.inside.fetch_add(1, SeqCst);
            if self.door.load(SeqCst) == door {
                self.work();
            }
            self.inside.fetch_sub(1, SeqCst);
            done = door;
        }
    }

    /// Waits for an open door other than `done`.
    fn wait(&self, done: usize) -> usize {
        loop {
            let begin = Instant::now();
            while begin.elapsed() < ALERT {
                for _ in 0..LOOKS {
                    let door = self.door.load(SeqCst);
                    if door % 2 == 1 && door != done {
                        return door;
                    }
                    std::hint::spin_loop();
                }
            }
            let mut bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
            self.asleep.fetch_add(1, SeqCst);
            // The caller opens the door first and looks then whether somebody sleeps.
            let before = self.door.load(SeqCst);
            if before.is_multiple_of(2) || before == done {
                while self.door.load(SeqCst) == before {
                    bed = self.alarm.wait(bed).unwrap_or_else(PoisonError::into_inner);
                }
            }
            self.asleep.fetch_sub(1, SeqCst);
        }
    }
}

/// Closes the door and waits until nobody is inside, also where the body panics.
struct Closing<'a>(&'a Team);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.door.fetch_add(1, SeqCst);
        let mut looks = 0_usize;
        while self.0.inside.load(SeqCst) > 0 {
            looks += 1;
            if looks.is_multiple_of(1 << 12) {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

/// Memory whose parts several threads fill.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T = f32>(pub(crate) *mut T);

// SAFETY: who writes to it vouches for parts that do not overlap.
unsafe impl<T: Send> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Shared<T> {}

impl<T> Shared<T> {
    /// # Safety
    /// The place lies in the memory.
    pub(crate) unsafe fn at(&self, offset: usize) -> *mut T {
        // SAFETY: the caller vouches for it.
        unsafe { self.0.add(offset) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;

    /// A team of its own, with some helpers.
    fn team(helpers: usize) -> &'static Team {
        let team: &'static Team = Box::leak(Box::new(Team::new()));
        for _ in 0..helpers {
            std::thread::spawn(|| team.help());
        }
        team
    }

    #[test]
    fn every_number_is_run_once_again_and_again() {
        let team = team(3);
        for round in 0..if cfg!(miri) { 20 } else { 2000 } {
            let counts: Vec<AtomicU32> = (0..round % 17).map(|_| AtomicU32::new(0)).collect();
            assert!(team.run(counts.len(), &|i| {
                counts[i].fetch_add(1, Ordering::Relaxed);
            }));
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            if round % 500 == 499 {
                // Long enough for the helpers to fall asleep.
                std::thread::sleep(3 * ALERT);
            }
        }
    }

    #[test]
    fn several_callers_get_their_work_done() {
        std::thread::scope(|scope| {
            for seed in 0..4_u32 {
                scope.spawn(move || {
                    for round in 0..if cfg!(miri) { 3 } else { 200 } {
                        let sum = AtomicU32::new(0);
                        for_each(50, |i| {
                            sum.fetch_add(seed + i as u32, Ordering::Relaxed);
                        });
                        assert_eq!(sum.load(Ordering::Relaxed), 50 * seed + 1225, "{round}");
                    }
                });
            }
        });
    }

    #[test]
    fn work_within_work_is_done() {
        let sum = AtomicU32::new(0);
        for_each(10, |i| {
            for_each(10, |j| {
                sum.fetch_add((10 * i + j) as u32, Ordering::Relaxed);
            });
        });
        assert_eq!(sum.load(Ordering::Relaxed), 4950);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_leaves_the_team_in_order() {
        let team = team(2);
        let result = catch_unwind(AssertUnwindSafe(|| {
            team.run(100, &|i| assert_ne!(i, 37, "a bad number"));
        }));
        assert!(result.is_err());
        let done = AtomicBool::new(false);
        assert!(team.run(2, &|_| done.store(true, Ordering::Relaxed)));
        assert!(done.load(Ordering::Relaxed));
    }
}
