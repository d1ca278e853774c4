//! Effects, deaths, and the queue that orders them.

use crate::content::{Do, Effect, Filter, Select, Trigger, VOLATILE_GROUP};
use crate::keyword::{FORTIFY, SHIELD, STEALTH, VOLATILE, WARD};
use crate::queue::{creature, face, is_face, place, Ref, NOBODY};
use crate::rules::{cut, Engine};
use crate::state::{slots, Creature, ESSENCE, LIFE, SLOTS};

/// Those whom an effect is done to.
struct Chosen {
    who: [Ref; 2 * SLOTS],
    count: usize,
}

impl Chosen {
    const fn nobody() -> Self {
        Self { who: [NOBODY; 2 * SLOTS], count: 0 }
    }

    fn one(who: Ref) -> Self {
        let mut chosen = Self::nobody();
        chosen.add(who);
        chosen
    }

    fn add(&mut self, who: Ref) {
        if who != NOBODY {
            self.who[self.count] = who;
            self.count += 1;
        }
    }
}

impl Engine<'_> {
    /// Execute what waits, and what that makes wait, until nothing does or the game is over.
    pub(crate) fn resolve(&mut self) {
        while !self.state.over() && self.queue.pop() {
            self.group();
        }
        if self.state.over() {
            self.queue.drop_all();
        }
    }

    fn group(&mut self) {
        let group = self.game.content.groups[self.queue.current.group as usize];
        self.queue.aimed = self.queue.current.target != NOBODY;
        if let Some((player, slot)) = place(self.queue.current.target) {
            if self.takes_ward(player, slot) {
                return;
            }
        }
        if !self.effects(group.start, group.then) {
            return;
        }
        if group.then != group.end && self.queue.current.died {
            self.effects(group.then, group.end);
        }
    }

    /// Whether all were executed: not if the game is over, a Ward held, or there were too many.
    fn effects(&mut self, start: u16, end: u16) -> bool {
        for index in start..end {
            if self.queue.budget == 0 {
                self.queue.overflowed = true;
                self.queue.drop_all();
                return false;
            }
            self.queue.budget -= 1;
            let effect = self.game.content.effects[index as usize];
            if !self.effect(&effect) {
                return false;
            }
            self.state.test_life();
            if self.state.over() {
                return false;
            }
            self.deaths();
        }
        true
    }

    /// Whether a creature there has Ward; it has lost it then.
    fn takes_ward(&mut self, player: usize, slot: usize) -> bool {
        let c = &mut self.state.sides[player].creatures[slot];
        let held = c.own & WARD != 0;
        c.own &= !WARD;
        held
    }

    fn effect(&mut self, effect: &Effect) -> bool {
        let owner = self.queue.current.owner as usize;
        match effect.act {
            Do::Draw(count) => {
                for _ in 0..count {
                    self.draw(owner);
                }
                return true;
            }
            Do::GainEssence(amount) => {
                let side = &mut self.state.sides[owner];
                side.essence = (side.essence + amount).min(ESSENCE);
                return true;
            }
            Do::Summon(card) => {
                self.summon(owner, card);
                return true;
            }
            _ => {}
        }
        let chosen = self.select(effect.select, &effect.filter, owner);
        let picks = matches!(effect.select, Select::Opposite | Select::WeakestEnemy | Select::StrongestEnemy);
        if picks && !self.queue.aimed {
            if let Some((player, slot)) = place(chosen.who[0]) {
                if self.takes_ward(player, slot) {
                    return false;
                }
            }
        }
        for &who in &chosen.who[..chosen.count] {
            match place(who) {
                Some((player, slot)) => self.on_creature(effect.act, player, slot, owner),
                None => self.on_face(effect.act, usize::from(who >> 3)),
            }
        }
        true
    }

    fn select(&self, select: Select, filter: &Filter, owner: usize) -> Chosen {
        let entry = &self.queue.current;
        let slot = entry.slot as usize;
        let enemy = 1 - owner;
        match select {
            Select::Target => self.filtered(entry.target, filter),
            Select::Own => self.filtered(entry.source, filter),
            Select::Subject => self.filtered(entry.subject, filter),
            Select::OwnFace => Chosen::one(face(owner)),
            Select::EnemyFace => Chosen::one(face(enemy)),
            Select::OwnCreatures => self.side(&[owner], filter, NOBODY),
            Select::OtherOwnCreatures => self.side(&[owner], filter, entry.source),
            Select::EnemyCreatures => self.side(&[enemy], filter, NOBODY),
            Select::AllCreatures => self.side(&[owner, enemy], filter, NOBODY),
            Select::Neighbours => {
                let mut chosen = Chosen::nobody();
                for other in [slot.wrapping_sub(1), slot + 1] {
                    if other < SLOTS && self.state.sides[owner].present & (1 << other) != 0 {
                        chosen.add(self.filtered(creature(owner, other), filter).who[0]);
                    }
                }
                chosen
            }
            Select::Opposite => {
                let side = &self.state.sides[enemy];
                let there = side.present & (1 << slot) != 0;
                if there && side.creatures[slot].keywords() & STEALTH == 0 {
                    self.filtered(creature(enemy, slot), filter)
                } else {
                    Chosen::nobody()
                }
            }
            Select::WeakestEnemy => self.best(enemy, filter, |c| -i16::from(c.health)),
            Select::StrongestEnemy => self.best(enemy, filter, |c| i16::from(c.attack)),
            Select::Nothing => Chosen::nobody(),
        }
    }

    fn filtered(&self, who: Ref, filter: &Filter) -> Chosen {
        if is_face(who) {
            return Chosen::one(who);
        }
        let Some((player, slot)) = place(who) else { return Chosen::nobody() };
        let c = &self.state.sides[player].creatures[slot];
        if filter.matches(c.health, c.keywords()) {
            Chosen::one(who)
        } else {
            Chosen::nobody()
        }
    }

    fn side(&self, players: &[usize], filter: &Filter, without: Ref) -> Chosen {
        let mut chosen = Chosen::nobody();
        for &player in players {
            let side = &self.state.sides[player];
            for slot in slots(side.present) {
                let c = &side.creatures[slot];
                let who = creature(player, slot);
                if who != without && filter.matches(c.health, c.keywords()) {
                    chosen.add(who);
                }
            }
        }
        chosen
    }

    fn best(&self, enemy: usize, filter: &Filter, score: impl Fn(&Creature) -> i16) -> Chosen {
        let side = &self.state.sides[enemy];
        let mut found: Option<(i16, usize)> = None;
        for slot in slots(side.present) {
            let c = &side.creatures[slot];
            let seen = c.keywords() & STEALTH == 0 && filter.matches(c.health, c.keywords());
            if seen && found.is_none_or(|(best, _)| score(c) > best) {
                found = Some((score(c), slot));
            }
        }
        found.map_or_else(Chosen::nobody, |(_, slot)| Chosen::one(creature(enemy, slot)))
    }

    fn on_face(&mut self, act: Do, player: usize) {
        match act {
            Do::Damage(n) => self.state.sides[player].life -= i16::from(n.max(0)),
            Do::Heal(n) => self.heal_face(player, i16::from(n)),
            _ => {}
        }
    }

    pub(crate) fn heal_face(&mut self, player: usize, amount: i16) {
        let life = &mut self.state.sides[player].life;
        *life = LIFE.min(*life + amount);
    }

    fn on_creature(&mut self, act: Do, player: usize, slot: usize, owner: usize) {
        let bit = 1 << slot;
        let side = &mut self.state.sides[player];
        let c = &mut side.creatures[slot];
        match act {
            Do::Damage(n) => {
                self.hurt(player, slot, i16::from(n), NOBODY);
            }
            Do::Heal(n) => {
                let healed = i16::from(c.max).min(i16::from(c.health) + i16::from(n));
                c.health = c.health.max(cut(healed));
            }
            Do::Buff(attack, health) => {
                c.attack = cut(i16::from(c.attack) + i16::from(attack));
                c.max = cut(i16::from(c.max) + i16::from(health));
                c.health = cut(i16::from(c.health) + i16::from(health));
                self.queue.mortal |= c.health <= 0;
            }
            Do::SetStats(attack, health) => {
                let card = c.card;
                let (more, healthier) = self.aura_stats(player, card);
                let c = &mut self.state.sides[player].creatures[slot];
                c.attack = cut(i16::from(attack) + more);
                c.max = cut(i16::from(health) + healthier);
                c.health = c.max;
            }
            Do::Destroy => {
                c.health = c.health.min(0);
                self.queue.mortal = true;
            }
            Do::Copy => {
                let card = c.card;
                self.summon(owner, card);
            }
            Do::Transform(card) => self.set_printed(player, slot, card),
            Do::Grant(keyword) => c.own |= keyword,
            Do::Remove(keyword) => c.own &= !keyword,
            Do::Silence => {
                c.own = 0;
                side.silenced |= bit;
            }
            Do::Refresh => {
                if side.refreshed & bit == 0 {
                    side.exhausted &= !bit;
                    side.refreshed |= bit;
                }
            }
            Do::Bounce => {
                let card = c.card;
                self.leave(player, slot, false);
                if !self.game.content.cards[card as usize].token {
                    self.give(player, card);
                }
            }
            Do::Draw(_) | Do::GainEssence(_) | Do::Summon(_) => {}
        }
    }

    fn summon(&mut self, owner: usize, card: u8) {
        let free = !self.state.sides[owner].present & ((1 << SLOTS) - 1);
        if free != 0 {
            self.enter(owner, free.trailing_zeros() as usize, card);
        }
    }

    /// Damage to a creature; what it took. `hitter` is the creature that does it in a fight, or nobody.
    pub(crate) fn hurt(&mut self, player: usize, slot: usize, amount: i16, hitter: Ref) -> i16 {
        if amount <= 0 {
            return 0;
        }
        let c = &mut self.state.sides[player].creatures[slot];
        if c.keywords() & SHIELD != 0 {
            c.own &= !SHIELD;
            return 0;
        }
        let taken = if c.keywords() & FORTIFY != 0 { (amount - 1).max(1) } else { amount };
        c.health = cut(i16::from(c.health) - taken);
        self.queue.mortal |= c.health <= 0;
        self.queue_creature(player, slot, Trigger::TakeDamage, hitter);
        taken
    }

    fn leave(&mut self, player: usize, slot: usize, died: bool) {
        self.state.sides[player].present &= !(1 << slot);
        self.queue.forget(creature(player, slot), died);
    }

    /// Take the dead from the board and queue what their deaths trigger.
    pub(crate) fn deaths(&mut self) {
        if !std::mem::take(&mut self.queue.mortal) {
            return; // nobody's health has come to 0 since they were last looked for
        }
        let active = self.active();
        for player in [active, 1 - active] {
            for slot in slots(self.state.sides[player].present) {
                if self.state.sides[player].creatures[slot].health <= 0 {
                    self.die(player, slot);
                }
            }
        }
    }

    fn die(&mut self, player: usize, slot: usize) {
        let keywords = self.state.sides[player].creatures[slot].keywords();
        self.queue_creature(player, slot, Trigger::Death, NOBODY);
        self.leave(player, slot, true); // also its own group has no source any more
        if keywords & VOLATILE != 0 {
            self.queue_for(player, VOLATILE_GROUP, NOBODY);
        }
        if self.is_heard(Trigger::AllyDeath) {
            for other in slots(self.state.sides[player].present) {
                self.queue_creature(player, other, Trigger::AllyDeath, NOBODY);
            }
        }
        if self.is_heard(Trigger::EnemyDeath) {
            for other in slots(self.state.sides[1 - player].present) {
                self.queue_creature(1 - player, other, Trigger::EnemyDeath, NOBODY);
            }
        }
        self.queue_commander(player, Trigger::AllyDeath, NOBODY);
        self.queue_commander(player, Trigger::AnyDeath, NOBODY);
        self.queue_commander(1 - player, Trigger::EnemyDeath, NOBODY);
        self.queue_commander(1 - player, Trigger::AnyDeath, NOBODY);
    }
}
