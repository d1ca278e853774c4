//! Which actions are legal.

use crate::content::{Card, Kind, TargetKind};
use crate::fight::AT_FACE;
use crate::keyword::{GUARD, RANGED, RUSH, STEALTH};
use crate::rules::{Action, ATTACK, END, INSIGHT, INSIGHT_COST, INSIGHT_TURN};
use crate::state::{slots, Game, Side, State, SLOTS, SUPPORTS};

/// The most actions that a position can have: 10 cards with 12 targets, 5 attackers with 6, insight, end.
pub const MOST: usize = 10 * 12 + 5 * 6 + 2;

/// Actions, ascending.
#[derive(Clone, Debug)]
pub struct Actions {
    list: [Action; MOST],
    count: usize,
}

impl Default for Actions {
    fn default() -> Self {
        Self { list: [END; MOST], count: 0 }
    }
}

impl Actions {
    #[inline]
    fn add(&mut self, action: Action) {
        self.list[self.count] = action;
        self.count += 1;
    }

    /// The actions.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[Action] {
        &self.list[..self.count]
    }

    /// The actions, to be put into another order.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [Action] {
        &mut self.list[..self.count]
    }
}

/// All legal actions; none once the game is over.
pub fn legal(game: &Game<'_>, state: &State, actions: &mut Actions) {
    list(game, state, actions, false);
}

/// Legal actions that differ: of equal cards in hand only the first is played.
pub fn distinct(game: &Game<'_>, state: &State, actions: &mut Actions) {
    list(game, state, actions, true);
}

/// Whether an action is legal.
#[must_use]
pub fn is_legal(game: &Game<'_>, state: &State, action: Action) -> bool {
    let mut actions = Actions::default();
    legal(game, state, &mut actions);
    actions.as_slice().binary_search(&action).is_ok()
}

#[inline]
fn list(game: &Game<'_>, state: &State, actions: &mut Actions, merged: bool) {
    actions.count = 0;
    if state.over() {
        return;
    }
    let own = &state.sides[state.active as usize];
    let enemy = &state.sides[1 - state.active as usize];
    if own.ap > 0 {
        let hand = &own.hand[..own.hand_len as usize];
        for (place, &index) in hand.iter().enumerate() {
            let glance = &game.glances[index as usize];
            if glance.cost > own.essence || (merged && hand[..place].contains(&index)) {
                continue;
            }
            let first = place as u8 * 12;
            match glance.kind {
                Kind::Creature => {
                    for slot in slots(!own.present & ((1 << SLOTS) - 1)) {
                        actions.add(first + slot as u8);
                    }
                }
                Kind::Support => {
                    if own.supports.iter().take(SUPPORTS).any(|support| support.durability == 0) {
                        actions.add(first);
                    }
                }
                Kind::Spell => spells(&game.content.cards[index as usize], first, own, enemy, actions),
            }
        }
    }
    attacks(own, enemy, actions);
    if has_insight(state, own, enemy) {
        actions.add(INSIGHT);
    }
    actions.add(END);
}

fn spells(card: &Card, first: Action, own: &Side, enemy: &Side, actions: &mut Actions) {
    if card.target == TargetKind::None {
        actions.add(first);
        return;
    }
    let (theirs, ours, their_face, our_face) = card.target.takes();
    if theirs {
        for slot in slots(visible(enemy)) {
            let c = &enemy.creatures[slot];
            if card.filter.matches(c.health, c.keywords()) {
                actions.add(first + slot as u8);
            }
        }
    }
    if ours {
        for slot in slots(own.present) {
            let c = &own.creatures[slot];
            if card.filter.matches(c.health, c.keywords()) {
                actions.add(first + 5 + slot as u8);
            }
        }
    }
    if their_face {
        actions.add(first + 10);
    }
    if our_face {
        actions.add(first + 11);
    }
}

#[inline]
fn visible(side: &Side) -> u8 {
    let mut seen = side.present;
    for slot in slots(side.present) {
        if side.creatures[slot].keywords() & STEALTH != 0 {
            seen &= !(1 << slot);
        }
    }
    seen
}

fn attacks(own: &Side, enemy: &Side, actions: &mut Actions) {
    let mut ready = own.present & !own.exhausted;
    if ready == 0 {
        return;
    }
    for slot in slots(ready) {
        let c = &own.creatures[slot];
        let held = own.sick & (1 << slot) != 0 && c.keywords() & RUSH == 0;
        if held || c.attack <= 0 {
            ready &= !(1 << slot);
        }
    }
    if ready == 0 {
        return;
    }
    let seen = visible(enemy);
    let guards = slots(seen)
        .filter(|&slot| enemy.creatures[slot].keywords() & GUARD != 0)
        .fold(0, |set, slot| set | 1 << slot);
    for slot in slots(ready) {
        let reach: u8 = if own.creatures[slot].keywords() & RANGED != 0 {
            (1 << SLOTS) - 1
        } else {
            (0b111 << slot >> 1) & ((1 << SLOTS) - 1)
        };
        let first = ATTACK + slot as u8 * 6;
        let bound = guards & reach;
        for target in slots(if bound != 0 { bound } else { seen & reach }) {
            actions.add(first + target as u8);
        }
        if bound == 0 && enemy.present & (1 << slot) == 0 {
            actions.add(first + AT_FACE as u8);
        }
    }
}

fn has_insight(state: &State, own: &Side, enemy: &Side) -> bool {
    state.turn >= INSIGHT_TURN
        && !own.insight
        && own.essence >= INSIGHT_COST
        && own.hand_len <= 1
        && (own.present.count_ones() < enemy.present.count_ones() || own.life < enemy.life)
}
