//! Values whose planes are computed when they are asked for.
//!
//! Each step of attention over n tokens has n² numbers a head. For a long text all steps of all heads would take
//! gigabytes, while a screen or a page of text speaks of one head at a time. The planes that were asked for last are
//! kept, those of all values together.

use std::{
    collections::VecDeque,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use super::{Matrix, Shape, copied};

/// The most numbers of planes that are kept: 400 MB; at least one plane is.
pub const MOST_KEPT: usize = 3 << 25;

/// A plane of a value: where it lies, or computed for who asks.
pub enum Plane<'a> {
    Kept(&'a Matrix),
    Computed(Arc<Matrix>),
}

impl Deref for Plane<'_> {
    type Target = Matrix;

    fn deref(&self) -> &Matrix {
        match self {
            Self::Kept(matrix) => matrix,
            Self::Computed(matrix) => matrix,
        }
    }
}

impl Plane<'_> {
    /// A matrix of one's own; a copy only if others hold this one.
    pub fn into_owned(self) -> Matrix {
        match self {
            Self::Kept(matrix) => copied(matrix),
            Self::Computed(matrix) => {
                Arc::try_unwrap(matrix).unwrap_or_else(|shared| copied(&shared))
            }
        }
    }
}

/// A value that is computed plane by plane. A plane computed twice is the same.
#[derive(Clone)]
pub struct Deferred {
    pub shape: Shape,
    compute: Arc<dyn Fn(usize) -> Matrix + Send + Sync>,
    known: Arc<Known>,
    all: OnceLock<Vec<Matrix>>,
}

impl Deferred {
    pub fn new(shape: Shape, compute: impl Fn(usize) -> Matrix + Send + Sync + 'static) -> Self {
        let known = (0..shape.planes).map(|_| Mutex::default()).collect();
        Self {
            shape,
            compute: Arc::new(compute),
            known: Arc::new(Known(known)),
            all: OnceLock::new(),
        }
    }

    /// A plane, not kept if it has to be computed.
    pub fn passing(&self, plane: usize) -> Plane<'_> {
        if let Some(all) = self.all.get() {
            return Plane::Kept(&all[plane]);
        }
        let known = locked(&self.known.0[plane]).upgrade();
        Plane::Computed(known.unwrap_or_else(|| Arc::new((self.compute)(plane))))
    }

    /// A plane, kept until others are asked for.
    pub fn plane(&self, plane: usize) -> Plane<'_> {
        let found = self.passing(plane);
        if let Plane::Computed(matrix) = &found {
            let mut known = locked(&self.known.0[plane]);
            if known.strong_count() == 0 {
                *known = Arc::downgrade(matrix);
                keep(Arc::clone(matrix));
            }
        }
        found
    }

    /// All planes, kept as long as the value. No lock is held while they are computed: the work is shared among threads.
    pub fn all(&self) -> &[Matrix] {
        if self.all.get().is_none() {
            let planes = (0..self.shape.planes).map(|plane| self.passing(plane).into_owned());
            // Of two threads, the first one's result is kept; both are the same.
            let _ = self.all.set(planes.collect());
        }
        self.all.get().map_or(&[], Vec::as_slice)
    }
}

/// The planes of a value that are kept now.
struct Known(Vec<Mutex<Weak<Matrix>>>);

/// What nobody can ask for any more is not kept.
impl Drop for Known {
    fn drop(&mut self) {
        let known: Vec<Arc<Matrix>> =
            self.0.iter().filter_map(|plane| locked(plane).upgrade()).collect();
        locked(&RECENT).retain(|kept| !known.iter().any(|known| Arc::ptr_eq(kept, known)));
    }
}

/// The planes that were asked for last.
static RECENT: Mutex<VecDeque<Arc<Matrix>>> = Mutex::new(VecDeque::new());

/// Keeps a plane, and no longer those asked for earliest if there are too many.
fn keep(plane: Arc<Matrix>) {
    let mut recent = locked(&RECENT);
    recent.push_back(plane);
    while recent.len() > 1 && recent.iter().map(|plane| plane.len()).sum::<usize>() > MOST_KEPT {
        recent.pop_front();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A value of three planes, and how often one was computed.
    fn counted() -> (Deferred, Arc<AtomicUsize>) {
        let n = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&n);
        let compute = move |plane: usize| {
            count.fetch_add(1, Ordering::Relaxed);
            Matrix::from_element(2, 4, plane as f32)
        };
        (Deferred::new(Shape { planes: 3, rows: 2, cols: 4 }, compute), n)
    }

    #[test]
    fn a_plane_is_computed_once_for_who_asks_and_each_time_in_passing() {
        let (value, n) = counted();
        assert_eq!(n.load(Ordering::Relaxed), 0);
        let planes = [value.passing(1), value.passing(1), value.plane(1), value.plane(1)];
        assert_eq!(n.load(Ordering::Relaxed), 3);
        assert!(planes.iter().all(|plane| plane[(1, 3)].to_bits() == 1.0_f32.to_bits()));
        drop(planes);
        value.plane(1);
        assert_eq!(n.load(Ordering::Relaxed), 3, "it is kept");
        assert_eq!(value.all()[2][(0, 0)].to_bits(), 2.0_f32.to_bits());
        assert_eq!(n.load(Ordering::Relaxed), 5, "with those that were not known");
        value.plane(0);
        assert_eq!(n.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn what_is_kept_goes_with_its_value() {
        let (value, _) = counted();
        let Plane::Computed(plane) = value.plane(0) else { panic!("it is not dense") };
        assert_eq!(Arc::strong_count(&plane), 2);
        drop(value.clone());
        assert_eq!(Arc::strong_count(&plane), 2, "a copy shares what is known");
        drop(value);
        assert_eq!(Arc::strong_count(&plane), 1);
    }
}
