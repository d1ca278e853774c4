//! Attacks.

use crate::content::Trigger;
use crate::keyword::{LETHAL, LIFESTEAL, PIERCING, QUICK, RANGED, STEALTH};
use crate::queue::{creature, NOBODY};
use crate::rules::Engine;

/// The target of an attack that is the face.
pub const AT_FACE: usize = 5;

impl Engine<'_> {
    pub(crate) fn attack(&mut self, slot: usize, target: usize) {
        let player = self.active();
        let enemy = 1 - player;
        let attacker = creature(player, slot);
        let defender = if target == AT_FACE { NOBODY } else { creature(enemy, target) };
        self.queue.fighters = [attacker, defender];
        self.queue_commander(player, Trigger::Attack, attacker);
        self.queue_creature(player, slot, Trigger::Attack, defender);
        self.resolve();
        if self.state.over() || self.queue.fighters[0] == NOBODY {
            return;
        }
        let side = &mut self.state.sides[player];
        side.exhausted |= 1 << slot;
        side.creatures[slot].own &= !STEALTH;
        if target == AT_FACE {
            self.at_face(player, slot);
        } else if self.queue.fighters[1] != NOBODY {
            self.fight(player, slot, target);
        } else {
            return;
        }
        self.state.test_life();
        if self.state.over() {
            return;
        }
        self.deaths();
        self.resolve();
    }

    fn at_face(&mut self, player: usize, slot: usize) {
        let amount = self.swing(player, slot);
        self.state.sides[1 - player].life -= amount;
        if self.state.sides[player].creatures[slot].keywords() & LIFESTEAL != 0 {
            self.heal_face(player, amount);
        }
        if amount > 0 {
            self.queue_creature(player, slot, Trigger::DealDamage, NOBODY);
        }
    }

    fn fight(&mut self, player: usize, slot: usize, target: usize) {
        let enemy = 1 - player;
        let ours = self.state.sides[player].creatures[slot].keywords();
        let defender = self.state.sides[enemy].creatures[target];
        let theirs = defender.keywords();
        let forth = self.swing(player, slot);
        let back = if ours & RANGED != 0 { 0 } else { i16::from(defender.attack.max(0)) };
        let first = ours & QUICK != 0 && theirs & QUICK == 0;
        let last = theirs & QUICK != 0 && ours & (QUICK | RANGED) == 0;
        let attacker = (player, slot);
        let defender = (enemy, target);
        let mut hit = true;
        if last {
            self.hit(defender, attacker, back, false);
            hit = self.health(attacker) > 0;
            if hit {
                self.hit(attacker, defender, forth, true);
            }
        } else {
            self.hit(attacker, defender, forth, true);
            if !first || self.health(defender) > 0 {
                self.hit(defender, attacker, back, false);
            }
        }
        if hit && self.health(defender) <= 0 && self.health(attacker) > 0 {
            self.queue_creature(player, slot, Trigger::Kill, NOBODY);
            self.queue_commander(player, Trigger::Kill, creature(player, slot));
        }
    }

    fn health(&self, (player, slot): (usize, usize)) -> i8 {
        self.state.sides[player].creatures[slot].health
    }

    fn hit(&mut self, from: (usize, usize), to: (usize, usize), amount: i16, attacks: bool) {
        let keywords = self.state.sides[from.0].creatures[from.1].keywords();
        let before = i16::from(self.health(to));
        let dealt = self.hurt(to.0, to.1, amount, creature(from.0, from.1));
        let target = &mut self.state.sides[to.0].creatures[to.1];
        if dealt > 0 && keywords & LETHAL != 0 {
            target.health = target.health.min(0);
            self.queue.mortal = true;
        }
        let killed = target.health <= 0;
        if keywords & LIFESTEAL != 0 {
            let healed = dealt.min(before);
            if healed > 0 {
                self.heal_face(from.0, healed);
            }
        }
        if attacks && keywords & PIERCING != 0 && killed {
            self.state.sides[to.0].life -= (amount - before).max(0);
        }
        if dealt > 0 {
            self.queue_creature(from.0, from.1, Trigger::DealDamage, creature(to.0, to.1));
        }
    }
}
