//! What this server remembers of the store, so that a request costs no SQL.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A bounded memory of values read from the store.
///
/// Who fills it notes the generation before the read. A change moves the generation, so that what was read before the
/// change and comes after it is not kept.
pub(super) struct Memory<K, V> {
    state: Mutex<State<K, V>>,
    /// Entries of one half at most.
    half: usize,
}

/// The state of a memory when a read began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation(u64);

/// Two halves: when the young one is full it becomes the old one, and what nobody asked for since then goes.
struct State<K, V> {
    generation: u64,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Clone + Eq + Hash, V: Clone> Memory<K, V> {
    /// An empty memory of `capacity` entries at most, two at least.
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { generation: 0, young: HashMap::new(), old: HashMap::new() };
        Self { state: Mutex::new(state), half: (capacity / 2).max(1) }
    }

    /// What is remembered under the key.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        let mut state = self.lock();
        if let Some(value) = state.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = state.old.remove_entry(key)?;
        self.insert(&mut state, key, value.clone());
        Some(value)
    }

    /// To be noted before the store is read.
    pub(super) fn generation(&self) -> Generation {
        Generation(self.lock().generation)
    }

    /// Remembers what was read, unless something changed since `generation` was noted.
    pub(super) fn keep(&self, generation: Generation, key: K, value: V) {
        let mut state = self.lock();
        if state.generation == generation.0 {
            self.insert(&mut state, key, value);
        }
    }

    /// Applies a change to one key.
    pub(super) fn forget(&self, key: &K) {
        let mut state = self.lock();
        state.generation += 1;
        state.young.remove(key);
        state.old.remove(key);
    }

    /// Applies a change to every value that it concerns.
    pub(super) fn forget_where(&self, concerned: impl Fn(&V) -> bool) {
        let mut state = self.lock();
        state.generation += 1;
        state.young.retain(|_, value| !concerned(value));
        state.old.retain(|_, value| !concerned(value));
    }

    /// Applies a change to anything.
    pub(super) fn forget_all(&self) {
        self.forget_where(|_| true);
    }

    fn insert(&self, state: &mut State<K, V>, key: K, value: V) {
        state.old.remove(&key);
        if state.young.len() >= self.half && !state.young.contains_key(&key) {
            state.old = std::mem::take(&mut state.young);
        }
        state.young.insert(key, value);
    }

    /// No code panics under this lock, so a poisoned one holds nothing half done.
    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let memory = Memory::new(10);
        let before = memory.generation();
        memory.forget(&1);
        memory.keep(before, 1, "stale");
        assert_eq!(memory.get(&1), None);
        memory.keep(memory.generation(), 1, "fresh");
        assert_eq!(memory.get(&1), Some("fresh"));
    }

    #[test]
    fn a_change_drops_what_it_concerns() {
        let memory = Memory::new(10);
        for key in 0..4 {
            memory.keep(memory.generation(), key, key * 10);
        }
        memory.forget_where(|value| *value == 10);
        memory.forget(&2);
        assert_eq!([0, 1, 2, 3].map(|key| memory.get(&key)), [Some(0), None, None, Some(30)]);
        memory.forget_all();
        assert_eq!([0, 3].map(|key| memory.get(&key)), [None, None]);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Keep(u8),
        Get(u8),
        Forget(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            any::<u8>().prop_map(Step::Keep),
            any::<u8>().prop_map(Step::Get),
            any::<u8>().prop_map(Step::Forget),
        ]
    }

    proptest! {
        #[test]
        fn it_is_bounded_and_never_answers_what_was_forgotten(steps in prop::collection::vec(step(), 0..300)) {
            let memory = Memory::new(8);
            let mut model = HashMap::new();
            for (now, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Keep(key) => {
                        memory.keep(memory.generation(), key, now);
                        model.insert(key, now);
                        prop_assert_eq!(memory.get(&key), Some(now), "the newest is there");
                    }
                    Step::Get(key) => {
                        if let Some(value) = memory.get(&key) {
                            prop_assert_eq!(Some(&value), model.get(&key));
                        }
                    }
                    Step::Forget(key) => {
                        memory.forget(&key);
                        model.remove(&key);
                    }
                }
                let state = memory.lock();
                prop_assert!(state.young.len() + state.old.len() <= 8);
            }
        }
    }
}
