//! Groups that wait to be executed, and references that are lost when creatures leave.

use crate::content::{GroupIndex, NO_GROUP};

/// Entries that may wait; a further one is dropped.
pub const CAPACITY: usize = 128;
/// Effects of one action; then the queue is dropped.
pub const BUDGET: u16 = 256;

/// A creature or a face: player × 8 + slot, 5 for the face.
pub type Ref = u8;
/// Nobody.
pub const NOBODY: Ref = 255;
const FACE: u8 = 5;

/// The creature in a slot.
#[inline]
#[must_use]
pub const fn creature(player: usize, slot: usize) -> Ref {
    (player * 8 + slot) as Ref
}

/// A player's face.
#[inline]
#[must_use]
pub const fn face(player: usize) -> Ref {
    (player * 8) as Ref + FACE
}

/// Whether a reference is to a face.
#[inline]
#[must_use]
pub const fn is_face(who: Ref) -> bool {
    who != NOBODY && who & 7 == FACE
}

/// The player and the slot of a creature; None of a face and of nobody.
#[inline]
#[must_use]
pub const fn place(who: Ref) -> Option<(usize, usize)> {
    if who == NOBODY || who & 7 == FACE {
        None
    } else {
        Some(((who >> 3) as usize, (who & 7) as usize))
    }
}

/// A group that waits.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What is to be done.
    pub group: GroupIndex,
    /// For whom.
    pub owner: u8,
    /// The slot of the source.
    pub slot: u8,
    /// The source.
    pub source: Ref,
    /// What was chosen.
    pub target: Ref,
    /// What the trigger is about.
    pub subject: Ref,
    /// Whether the target has died.
    pub died: bool,
}

impl Entry {
    const NONE: Self = Self {
        group: NO_GROUP,
        owner: 0,
        slot: 0,
        source: NOBODY,
        target: NOBODY,
        subject: NOBODY,
        died: false,
    };

    fn forget(&mut self, who: Ref, died: bool) {
        if self.source == who {
            self.source = NOBODY;
        }
        if self.subject == who {
            self.subject = NOBODY;
        }
        if self.target == who {
            self.target = NOBODY;
            self.died = died;
        }
    }
}

/// First in, first out. One is enough for a player: it is empty between two actions.
#[derive(Clone, Debug)]
pub struct Queue {
    entries: [Entry; CAPACITY],
    head: usize,
    tail: usize,
    pub(crate) budget: u16,
    /// The entry that is being executed.
    pub(crate) current: Entry,
    /// Whether it is a spell with a chosen target: its Ward is looked at once, at its start.
    pub(crate) aimed: bool,
    /// Whether somebody's health may be 0 or less: then the dead are looked for.
    pub(crate) mortal: bool,
    /// Attacker and defender of a fight.
    pub(crate) fighters: [Ref; 2],
    /// Whether something was dropped: a mistake of the content.
    pub overflowed: bool,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            entries: [Entry::NONE; CAPACITY],
            head: 0,
            tail: 0,
            budget: BUDGET,
            current: Entry::NONE,
            aimed: false,
            mortal: false,
            fighters: [NOBODY; 2],
            overflowed: false,
        }
    }
}

impl Queue {
    /// Begin an action.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.head = 0;
        self.tail = 0;
        self.budget = BUDGET;
        self.mortal = false;
    }

    #[inline]
    pub(crate) fn push(&mut self, entry: Entry) {
        if self.head == self.tail {
            self.head = 0;
            self.tail = 0;
        }
        if self.tail - self.head >= CAPACITY {
            self.overflowed = true;
            return;
        }
        if self.tail == CAPACITY {
            self.entries.copy_within(self.head..self.tail, 0);
            self.tail -= self.head;
            self.head = 0;
        }
        self.entries[self.tail] = entry;
        self.tail += 1;
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> bool {
        if self.head == self.tail {
            return false;
        }
        self.current = self.entries[self.head];
        self.head += 1;
        true
    }

    pub(crate) fn drop_all(&mut self) {
        self.head = 0;
        self.tail = 0;
    }

    /// A creature has left: whoever meant it means nobody now.
    pub(crate) fn forget(&mut self, who: Ref, died: bool) {
        self.current.forget(who, died);
        for entry in &mut self.entries[self.head..self.tail] {
            entry.forget(who, died);
        }
        for fighter in &mut self.fighters {
            if *fighter == who {
                *fighter = NOBODY;
            }
        }
    }
}
