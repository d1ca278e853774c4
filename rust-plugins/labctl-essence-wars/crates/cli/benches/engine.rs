//! Parts of the engine by criterion: `cargo bench`. Wall time; `--bin bench` has CPU time.

use criterion::{criterion_group, criterion_main, Criterion};
use essence_wars_cli::load;
use essence_wars_core::eval::Weights;
use essence_wars_core::legal::{distinct, legal, Actions};
use essence_wars_core::play::Deal;
use essence_wars_core::queue::Queue;
use essence_wars_core::rng::{Purpose, Rng};
use essence_wars_core::rules::{apply, deal};
use std::hint::black_box;

fn parts(c: &mut Criterion) {
    let content = load::built_in().expect("the content is sound");
    let game = Deal::numbered([0, 4], 1, Purpose::Train, &[0]).game(&content, 0);
    let (mut queue, mut actions, mut rng) = (Queue::default(), Actions::default(), Rng::new(1));
    let mut state = deal(&game, &mut queue);
    for _ in 0..25 {
        distinct(&game, &state, &mut actions);
        let list = actions.as_slice();
        let mut next = state;
        apply(&game, &mut next, list[rng.below(list.len() as u32) as usize], &mut queue);
        if next.over() {
            break;
        }
        state = next;
    }
    c.bench_function("clone", |b| b.iter(|| *black_box(&state)));
    c.bench_function("legal", |b| b.iter(|| legal(&game, black_box(&state), &mut actions)));
    distinct(&game, &state, &mut actions);
    let list: Vec<u8> = actions.as_slice().to_vec();
    c.bench_function("clone and apply", |b| {
        let mut place = 0;
        b.iter(|| {
            let mut next = *black_box(&state);
            apply(&game, &mut next, list[place % list.len()], &mut queue);
            place += 1;
            next.turn
        });
    });
    let weights = Weights::default();
    c.bench_function("evaluate", |b| b.iter(|| weights.evaluate(black_box(&state), 0)));
}

criterion_group!(benches, parts);
criterion_main!(benches);
