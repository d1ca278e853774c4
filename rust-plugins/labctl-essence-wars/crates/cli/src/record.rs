//! A game for people to look at: every position, every action, and what the search thought of its choices.

use essence_wars_core::bots::Bot;
use essence_wars_core::content::{Content, Kind};
use essence_wars_core::eval::Weights;
use essence_wars_core::keyword;
use essence_wars_core::mcts::{Search, Settings};
use essence_wars_core::play::{Deal, Stop, Table};
use essence_wars_core::queue::Queue;
use essence_wars_core::rng::{Purpose, Rng};
use essence_wars_core::rules::{Action, ATTACK, END, INSIGHT};
use essence_wars_core::state::{Game, Outcome, State};
use serde_json::{json, Value};

/// Choices of a record, at most.
pub const MOST_STEPS: usize = 400;
/// Alternatives that are kept of a choice, at most.
const MOST_THOUGHTS: usize = 12;

/// What to record.
pub struct Wanted {
    /// The deal.
    pub deal: Deal,
    /// Both players' weights, of the first deck and of the second.
    pub weights: [Weights; 2],
    /// Their search.
    pub settings: Settings,
    /// Simulations of the reviewer, who looks at each choice afterwards.
    pub review: u32,
}

/// Both games of a deal as JSON, or None if it was stopped.
#[must_use]
pub fn record(content: &Content, wanted: &Wanted, stop: &Stop) -> Option<Value> {
    let games: Vec<Value> =
        [0, 1].iter().map(|&seat| one(content, wanted, seat, stop)).collect::<Option<_>>()?;
    let decks = wanted.deal.decks.map(|deck| {
        let deck = &content.decks[deck];
        let commander = &content.commanders[deck.commander as usize];
        let says = essence_wars_core::text::commander(content, commander);
        json!({
            "id": deck.id, "name": deck.name, "faction": deck.faction.name(),
            "commander": {"name": commander.name, "text": says},
        })
    });
    Some(json!({
        "schema_version": 1, "decks": decks, "games": games, "cards": cards(content),
        "simulations": wanted.settings.simulations, "review_simulations": wanted.review,
    }))
}

/// Cards by their ids, with their texts.
#[must_use]
pub fn cards(content: &Content) -> Value {
    let rows: serde_json::Map<String, Value> = content
        .cards
        .iter()
        .map(|card| {
            let kind = match card.kind {
                Kind::Creature => "creature",
                Kind::Spell => "spell",
                Kind::Support => "support",
            };
            let row = json!({
                "name": card.name, "cost": card.cost, "type": kind, "attack": card.attack, "health": card.health,
                "faction": card.faction.name(), "text": essence_wars_core::text::card(content, card),
                "token": card.token, "target": card.target.name(),
            });
            (card.id.to_string(), row)
        })
        .collect();
    Value::Object(rows)
}

fn one(content: &Content, wanted: &Wanted, seat_of_first: usize, stop: &Stop) -> Option<Value> {
    let game = wanted.deal.game(content, seat_of_first);
    let bot = |deck: usize| Bot::Mcts(wanted.weights[deck], wanted.settings);
    let bots = if seat_of_first == 0 { [bot(0), bot(1)] } else { [bot(1), bot(0)] };
    let mut steps = Vec::new();
    let mut reviewer = Reviewer::new(wanted, stop);
    let seed = wanted.deal.player_seed(seat_of_first);
    let mut table = Table::new(stop.clone());
    let played = table.play_seen(&game, bots, seed, |state, action, player| {
        if steps.len() >= MOST_STEPS {
            return;
        }
        let thoughts: Vec<Value> = best(player.search().thoughts())
            .iter()
            .map(|t| json!({"action": t.action, "visits": t.visits, "value": round(t.value)}))
            .collect();
        let mut step = json!({
            "state": position(&game, state),
            "action": action,
            "says": says(&game, state, action),
            "thoughts": thoughts,
        });
        if let Some(review) = reviewer.look(&game, state, action) {
            step["review"] = review;
        }
        steps.push(step);
    });
    if stop.is_set() {
        return None;
    }
    let winner = match played.outcome {
        Outcome::Won(winner) => json!(winner),
        _ => Value::Null,
    };
    Some(json!({
        "seat_of_first": seat_of_first, "winner": winner, "turns": played.turns, "actions": played.actions,
        "margin": played.margin, "steps": steps,
    }))
}

fn best(mut thoughts: Vec<essence_wars_core::mcts::Thought>) -> Vec<essence_wars_core::mcts::Thought> {
    thoughts.sort_by_key(|thought| std::cmp::Reverse(thought.visits));
    thoughts.truncate(MOST_THOUGHTS);
    thoughts
}

fn round(value: f32) -> f64 {
    (f64::from(value) * 1000.0).round() / 1000.0
}

/// Looks at each choice with a deeper search of its own.
struct Reviewer {
    search: Search,
    queue: Queue,
    rng: Rng,
    settings: Settings,
    weights: Weights,
}

impl Reviewer {
    fn new(wanted: &Wanted, stop: &Stop) -> Self {
        Self {
            search: Search::new(stop.clone()),
            queue: Queue::default(),
            rng: Rng::stream(wanted.deal.seed, Purpose::Player, &[99]),
            settings: Settings { simulations: wanted.review, ..wanted.settings },
            weights: Weights::default(),
        }
    }

    /// The value of the position for who moves, the best action, and what the one that was done costs beside it.
    fn look(&mut self, game: &Game<'_>, state: &State, done: Action) -> Option<Value> {
        if self.settings.simulations == 0 {
            return None;
        }
        let best =
            self.search.choose(game, state, &self.weights, &self.settings, &mut self.queue, &mut self.rng);
        let thoughts = self.search.thoughts();
        let of = |action: Action| thoughts.iter().find(|t| t.action == action);
        let (top, mine) = (of(best)?, of(done)?);
        // A choice that was hardly looked at has no value of its own.
        let known = mine.visits * 20 >= self.settings.simulations || mine.action == best;
        let cost = if known { (top.value - mine.value).max(0.0) } else { 0.0 };
        Some(json!({
            "value": round(top.value), "best": best, "says": says(game, state, best), "cost": round(cost),
            "known": known,
        }))
    }
}

/// A position in the shape that the tests' model has, too.
#[must_use]
pub fn position(game: &Game<'_>, state: &State) -> Value {
    let id = |card: u8| game.content.cards[card as usize].id;
    let players: Vec<Value> = state
        .sides
        .iter()
        .map(|side| {
            let creatures: Vec<Value> = (0..side.creatures.len())
                .map(|slot| {
                    let bit = 1 << slot;
                    if side.present & bit == 0 {
                        return Value::Null;
                    }
                    let c = &side.creatures[slot];
                    json!({
                        "card": id(c.card), "attack": c.attack, "health": c.health, "max_health": c.max,
                        "own": keyword::names(c.own).collect::<Vec<_>>(),
                        "aura": keyword::names(c.aura).collect::<Vec<_>>(),
                        "exhausted": side.exhausted & bit != 0, "sick": side.sick & bit != 0,
                        "silenced": side.silenced & bit != 0, "refreshed": side.refreshed & bit != 0,
                        "frenzy": side.frenzy[slot],
                    })
                })
                .collect();
            let supports: Vec<Value> = side
                .supports
                .iter()
                .map(|support| {
                    if support.durability == 0 {
                        Value::Null
                    } else {
                        json!({"card": id(support.card), "durability": support.durability})
                    }
                })
                .collect();
            let hand: Vec<u16> = side.hand[..side.hand_len as usize].iter().map(|&card| id(card)).collect();
            json!({
                "life": side.life, "max_essence": side.max_essence, "essence": side.essence, "ap": side.ap,
                "deck": essence_wars_core::content::DECK - side.drawn as usize, "hand": hand,
                "insight": side.insight, "creatures": creatures, "supports": supports,
            })
        })
        .collect();
    let winner = match state.outcome() {
        Outcome::Won(winner) => json!(winner),
        _ => Value::Null,
    };
    json!({"turn": state.turn, "active": state.active, "over": state.over(), "winner": winner, "players": players})
}

/// An action in words.
#[must_use]
pub fn says(game: &Game<'_>, state: &State, action: Action) -> String {
    let own = &state.sides[state.active as usize];
    let enemy = &state.sides[1 - state.active as usize];
    let name = |card: u8| game.content.cards[card as usize].name.as_str();
    match action {
        END => "End the turn".into(),
        INSIGHT => "Insight: draw a card".into(),
        ATTACK.. => {
            let code = (action - ATTACK) as usize;
            let attacker = name(own.creatures[code / 6].card);
            match code % 6 {
                5 => format!("{attacker} attacks the enemy"),
                slot => format!("{attacker} attacks {}", name(enemy.creatures[slot].card)),
            }
        }
        _ => {
            let index = own.hand[(action / 12) as usize];
            let card = &game.content.cards[index as usize];
            let target = (action % 12) as usize;
            match (card.kind, target) {
                (Kind::Creature, slot) => format!("Play {} in slot {}", card.name, slot + 1),
                (Kind::Support, _) => format!("Play {}", card.name),
                (Kind::Spell, _) if card.target == essence_wars_core::content::TargetKind::None => {
                    format!("Play {}", card.name)
                }
                (Kind::Spell, 10) => format!("Play {} at the enemy", card.name),
                (Kind::Spell, 11) => format!("Play {} at yourself", card.name),
                (Kind::Spell, slot) if slot < 5 => {
                    format!("Play {} at {}", card.name, name(enemy.creatures[slot].card))
                }
                (Kind::Spell, slot) => {
                    format!("Play {} at {}", card.name, name(own.creatures[slot - 5].card))
                }
            }
        }
    }
}
