//! The course of a game: deal, turns, actions.

use crate::content::{Aura, CardIndex, Kind, Trigger, DECK};
use crate::keyword::{EPHEMERAL, FRENZY, REGENERATE};
use crate::queue::{creature, Entry, Queue, Ref, NOBODY};
use crate::state::{
    slots, Creature, Game, Outcome, State, Support, ACTION_POINTS, ESSENCE, HAND, SLOTS, STAT, TURNS,
};

/// An action by its number.
pub type Action = u8;
/// The first attack.
pub const ATTACK: Action = 120;
/// The first number behind the attacks.
pub const ATTACKS_END: Action = 150;
/// Draw a card for essence.
pub const INSIGHT: Action = 254;
/// End the turn.
pub const END: Action = 255;
/// What insight costs.
pub const INSIGHT_COST: u8 = 4;
/// The first turn in which there is insight.
pub const INSIGHT_TURN: u8 = 10;

/// One action on one position.
pub(crate) struct Engine<'a> {
    pub game: &'a Game<'a>,
    pub state: &'a mut State,
    pub queue: &'a mut Queue,
}

/// The position after the deal and the start of the first turn.
#[must_use]
pub fn deal(game: &Game<'_>, queue: &mut Queue) -> State {
    let mut state = State::empty();
    queue.begin();
    let mut engine = Engine { game, state: &mut state, queue };
    for player in 0..2 {
        let more = if player == 1 { game.bonus } else { 0 };
        for _ in 0..4 + more {
            engine.draw(player);
        }
    }
    engine.start_turn();
    state
}

/// Do an action, which has to be legal.
pub fn apply(game: &Game<'_>, state: &mut State, action: Action, queue: &mut Queue) {
    queue.begin();
    let mut engine = Engine { game, state, queue };
    match action {
        END => engine.end_turn(),
        INSIGHT => {
            let player = engine.active();
            let side = &mut engine.state.sides[player];
            side.essence -= INSIGHT_COST;
            side.insight = true;
            engine.draw(player);
        }
        ATTACK..ATTACKS_END => {
            let code = (action - ATTACK) as usize;
            engine.attack(code / 6, code % 6);
        }
        _ => engine.play((action / 12) as usize, action % 12),
    }
}

impl Engine<'_> {
    pub(crate) fn active(&self) -> usize {
        self.state.active as usize
    }

    pub(crate) fn draw(&mut self, player: usize) {
        let side = &mut self.state.sides[player];
        if (side.drawn as usize) < DECK {
            let card = self.game.orders[player][side.drawn as usize];
            side.drawn += 1;
            self.give(player, card);
        }
    }

    /// A card with a full hand is lost.
    pub(crate) fn give(&mut self, player: usize, card: CardIndex) {
        let side = &mut self.state.sides[player];
        if (side.hand_len as usize) < HAND {
            side.hand[side.hand_len as usize] = card;
            side.hand_len += 1;
        }
    }

    fn start_turn(&mut self) {
        self.state.turn += 1;
        if self.state.turn > TURNS {
            let [one, two] = [self.state.sides[0].life, self.state.sides[1].life];
            self.state.end(match one.cmp(&two) {
                std::cmp::Ordering::Greater => Outcome::Won(0),
                std::cmp::Ordering::Less => Outcome::Won(1),
                std::cmp::Ordering::Equal => Outcome::Draw,
            });
            return;
        }
        let player = self.active();
        let side = &mut self.state.sides[player];
        side.max_essence = (side.max_essence + 1).min(ESSENCE);
        side.essence = side.max_essence;
        self.draw(player);
        let side = &mut self.state.sides[player];
        side.ap = ACTION_POINTS;
        side.insight = false;
        (side.exhausted, side.sick, side.refreshed) = (0, 0, 0);
        for slot in slots(side.present) {
            let c = &mut side.creatures[slot];
            if c.keywords() & REGENERATE != 0 {
                c.health = c.max.min(c.health + 2).max(c.health);
            }
        }
        self.turn_triggers(player, Trigger::TurnStart);
        self.resolve();
    }

    fn end_turn(&mut self) {
        let player = self.active();
        self.turn_triggers(player, Trigger::TurnEnd);
        self.resolve();
        if self.state.over() {
            return;
        }
        let side = &mut self.state.sides[player];
        let mut fading = false;
        for slot in slots(side.present) {
            let c = &mut side.creatures[slot];
            if c.keywords() & EPHEMERAL != 0 {
                c.health = c.health.min(0);
                fading = true;
            }
        }
        if fading {
            self.queue.mortal = true;
            self.deaths();
            self.resolve();
            if self.state.over() {
                return;
            }
        }
        for place in 0..self.state.sides[player].supports.len() {
            self.wear(player, place);
        }
        self.state.sides[player].frenzy = [0; SLOTS];
        self.state.active = 1 - self.state.active;
        self.start_turn();
    }

    fn turn_triggers(&mut self, player: usize, trigger: Trigger) {
        for slot in slots(self.state.sides[player].present) {
            self.queue_creature(player, slot, trigger, NOBODY);
        }
        for support in self.state.sides[player].supports {
            if support.durability > 0 {
                self.queue_support(player, support.card, trigger);
            }
        }
        self.queue_commander(player, trigger, NOBODY);
    }

    fn wear(&mut self, player: usize, place: usize) {
        let side = &mut self.state.sides[player];
        let support = &mut side.supports[place];
        if support.durability == 0 {
            return;
        }
        support.durability -= 1;
        if support.durability > 0 {
            return;
        }
        let aura = self.game.content.cards[support.card as usize].aura;
        for slot in slots(self.state.sides[player].present) {
            let given = self.aura_keywords(player, self.state.sides[player].creatures[slot].card);
            let c = &mut self.state.sides[player].creatures[slot];
            if aura.is_on(self.game.content.cards[c.card as usize].keywords) {
                c.attack = cut(i16::from(c.attack) - i16::from(aura.attack));
                c.max = cut(i16::from(c.max) - i16::from(aura.health));
                c.health = c.health.min(c.max).max(1);
                c.aura = given;
            }
        }
    }

    fn play(&mut self, place: usize, target: u8) {
        let player = self.active();
        let side = &mut self.state.sides[player];
        let index = side.hand[place];
        let card = &self.game.content.cards[index as usize];
        side.ap -= 1;
        side.essence -= card.cost;
        side.hand.copy_within(place + 1..side.hand_len as usize, place);
        side.hand_len -= 1;
        match card.kind {
            Kind::Creature => {
                let slot = target as usize;
                self.enter(player, slot, index);
                self.queue_creature(player, slot, Trigger::Play, NOBODY);
                let who = creature(player, slot);
                for other in slots(self.state.sides[player].present & !(1 << slot)) {
                    self.queue_creature(player, other, Trigger::AllyPlayed, who);
                }
                self.queue_commander(player, Trigger::CreaturePlayed, who);
            }
            Kind::Support => {
                let free = usize::from(side.supports[0].durability > 0);
                side.supports[free] = Support { card: index, durability: card.durability };
                self.begin_aura(player, card.aura);
                self.queue_support(player, index, Trigger::Play);
            }
            Kind::Spell => {
                let target = match target {
                    _ if card.target == crate::content::TargetKind::None => NOBODY,
                    0..=4 => creature(1 - player, target as usize),
                    5..=9 => creature(player, target as usize - 5),
                    10 => crate::queue::face(1 - player),
                    _ => crate::queue::face(player),
                };
                self.queue.push(Entry {
                    group: card.spell,
                    owner: player as u8,
                    slot: 0,
                    source: NOBODY,
                    target,
                    subject: NOBODY,
                    died: false,
                });
            }
        }
        self.resolve();
    }

    /// A creature of a card enters a free slot, sick and with the auras that are on it.
    pub(crate) fn enter(&mut self, player: usize, slot: usize, card: CardIndex) {
        let bit = 1 << slot;
        self.set_printed(player, slot, card);
        let side = &mut self.state.sides[player];
        side.present |= bit;
        side.sick |= bit;
        side.exhausted &= !bit;
        side.refreshed &= !bit;
    }

    /// What a card's creature is like under the auras of its player; it may be silenced no more.
    pub(crate) fn set_printed(&mut self, player: usize, slot: usize, card: CardIndex) {
        let printed = &self.game.content.cards[card as usize];
        let (attack, health) = self.aura_stats(player, card);
        let max = cut(i16::from(printed.health) + health);
        let made = Creature {
            own: printed.keywords,
            aura: self.aura_keywords(player, card),
            card,
            attack: cut(i16::from(printed.attack) + attack),
            health: max,
            max,
        };
        let side = &mut self.state.sides[player];
        side.creatures[slot] = made;
        side.frenzy[slot] = 0;
        side.silenced &= !(1 << slot);
    }

    fn auras(&self, player: usize) -> impl Iterator<Item = &Aura> {
        let content = self.game.content;
        let supports = self.state.sides[player].supports;
        let commander = &content.commanders[self.game.commanders[player] as usize].aura;
        supports
            .into_iter()
            .filter(|support| support.durability > 0)
            .map(|support| &content.cards[support.card as usize].aura)
            .chain(std::iter::once(commander))
    }

    /// Attack and health that auras add to creatures of a card.
    pub(crate) fn aura_stats(&self, player: usize, card: CardIndex) -> (i16, i16) {
        let printed = self.game.content.cards[card as usize].keywords;
        self.auras(player)
            .filter(|aura| aura.is_on(printed))
            .fold((0, 0), |(a, h), aura| (a + i16::from(aura.attack), h + i16::from(aura.health)))
    }

    fn aura_keywords(&self, player: usize, card: CardIndex) -> u16 {
        let printed = self.game.content.cards[card as usize].keywords;
        self.auras(player).filter(|aura| aura.is_on(printed)).fold(0, |all, aura| all | aura.keywords)
    }

    fn begin_aura(&mut self, player: usize, aura: Aura) {
        if aura == Aura::default() {
            return;
        }
        let side = &mut self.state.sides[player];
        for slot in slots(side.present) {
            let c = &mut side.creatures[slot];
            if aura.is_on(self.game.content.cards[c.card as usize].keywords) {
                c.attack = cut(i16::from(c.attack) + i16::from(aura.attack));
                c.max = cut(i16::from(c.max) + i16::from(aura.health));
                c.health = cut(i16::from(c.health) + i16::from(aura.health));
                c.aura |= aura.keywords;
            }
        }
    }

    /// Queue what a creature does when `trigger` happens, if it does something and is not silenced.
    #[inline]
    pub(crate) fn queue_creature(&mut self, player: usize, slot: usize, trigger: Trigger, subject: Ref) {
        if !self.is_heard(trigger) {
            return;
        }
        let side = &self.state.sides[player];
        let card = side.creatures[slot].card as usize;
        let glance = &self.game.glances[card];
        if glance.triggers & (1 << trigger as u16) == 0 || side.silenced & (1 << slot) != 0 {
            return;
        }
        let card = &self.game.content.cards[card];
        self.queue.push(Entry {
            group: card.groups[trigger as usize],
            owner: player as u8,
            slot: slot as u8,
            source: creature(player, slot),
            target: NOBODY,
            subject,
            died: false,
        });
    }

    /// Whether any creature of this game may mind a trigger.
    #[inline]
    pub(crate) const fn is_heard(&self, trigger: Trigger) -> bool {
        self.game.heard & (1 << trigger as u16) != 0
    }

    fn queue_support(&mut self, player: usize, card: CardIndex, trigger: Trigger) {
        let card = &self.game.content.cards[card as usize];
        if card.triggers & (1 << trigger as u16) != 0 {
            self.queue_for(player, card.groups[trigger as usize], NOBODY);
        }
    }

    pub(crate) fn queue_commander(&mut self, player: usize, trigger: Trigger, subject: Ref) {
        let commander = &self.game.content.commanders[self.game.commanders[player] as usize];
        if commander.trigger == Some(trigger) {
            self.queue_for(player, commander.group, subject);
        }
    }

    /// Queue a group of somebody who has no slot.
    pub(crate) fn queue_for(&mut self, player: usize, group: u16, subject: Ref) {
        self.queue.push(Entry {
            group,
            owner: player as u8,
            slot: 0,
            source: NOBODY,
            target: NOBODY,
            subject,
            died: false,
        });
    }

    /// What a creature's attack counts for, and what that does to its frenzy.
    pub(crate) fn swing(&mut self, player: usize, slot: usize) -> i16 {
        let side = &mut self.state.sides[player];
        let c = &side.creatures[slot];
        let charge = if c.keywords() & crate::keyword::CHARGE != 0 { 2 } else { 0 };
        let attack = i16::from(c.attack.max(0)) + charge + i16::from(side.frenzy[slot]);
        if c.keywords() & FRENZY != 0 {
            side.frenzy[slot] += 1;
        }
        attack
    }
}

/// A stat within its bounds.
#[inline]
pub(crate) fn cut(value: i16) -> i8 {
    value.clamp(-STAT, STAT) as i8
}
