//! `labctl_essence_wars._core`: what the jobs of the plugin call. What goes in and out is JSON in strings.
//!
//! Long calls let other Python threads run. A few times in a hundredth of a second they ask `poll(games)`, the games
//! that were played so far; once it answers true they end and raise `Cancelled`.

mod game;

use std::path::Path;
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::time::Duration;

use essence_wars_cli::error::Wrong;
use essence_wars_cli::parallel::{Stopped, Workers};
use essence_wars_cli::{gate, load, record, report, tune, validate, weights};
use essence_wars_core::content::{Content, Faction};
use essence_wars_core::eval::{Weights, TABLE};
use essence_wars_core::mcts::Settings;
use essence_wars_core::play::{Deal, Stop};
use essence_wars_core::rng::{Purpose, Rng};
use essence_wars_core::text;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use serde_json::{json, Value};

use crate::game::{Loaded, PyGame};

create_exception!(_core, Cancelled, PyException, "`poll` has answered true.");
create_exception!(
    _core,
    BadContent,
    PyValueError,
    "Cards, decks, weights or options are wrong: file, line, field."
);

/// Time between two questions.
const POLL: Duration = Duration::from_millis(4);

fn wrong(error: Wrong) -> PyErr {
    BadContent::new_err(error.to_string())
}

fn unreadable(error: serde_json::Error) -> PyErr {
    BadContent::new_err(format!("options: {error}"))
}

fn content_of(folder: Option<&str>) -> PyResult<Content> {
    match folder {
        Some(folder) => load::from_folder(Path::new(folder)),
        None => load::built_in(),
    }
    .map_err(wrong)
}

/// Do `work` in a thread of its own without holding the interpreter, and ask `poll` meanwhile.
fn polled<T: Send>(
    py: Python<'_>,
    workers: &Workers,
    poll: Option<&Py<PyAny>>,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    let found = py.detach(|| {
        let (tell, hear) = channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let made = work();
                let _ = tell.send(made);
            });
            let mut raised = None;
            loop {
                match hear.recv_timeout(POLL) {
                    Ok(made) => return (Some(made), raised),
                    Err(RecvTimeoutError::Disconnected) => return (None, raised),
                    Err(RecvTimeoutError::Timeout) => {}
                }
                let asked = Python::attach(|py| -> PyResult<bool> {
                    py.check_signals()?;
                    poll.map_or(Ok(false), |poll| poll.call1(py, (workers.played(),))?.is_truthy(py))
                });
                match asked {
                    Ok(false) => {}
                    Ok(true) => workers.stop.set(),
                    Err(error) => {
                        raised.get_or_insert(error);
                        workers.stop.set();
                    }
                }
            }
        })
    });
    match found {
        (_, Some(error)) => Err(error),
        (Some(made), None) => Ok(made),
        (None, None) => Err(PyException::new_err("the engine has failed; its message is in the output")),
    }
}

fn done<T>(made: Result<T, Stopped>) -> PyResult<T> {
    made.map_err(|_| Cancelled::new_err("poll has answered true"))
}

fn workers(threads: usize) -> PyResult<Workers> {
    Workers::new(threads, Stop::default()).map_err(wrong)
}

/// What games are played with, as JSON: decks, commanders, cards with their texts, weights with their ranges.
#[pyfunction]
#[pyo3(signature = (content=None))]
fn describe(content: Option<&str>) -> PyResult<String> {
    let content = content_of(content)?;
    let decks: Vec<Value> = content
        .decks
        .iter()
        .map(|deck| {
            let cards: Vec<u16> = deck.cards.iter().map(|&card| content.cards[card as usize].id).collect();
            let commander = content.commanders[deck.commander as usize].id;
            json!({
                "id": deck.id, "name": deck.name, "faction": deck.faction.name(), "cards": cards,
                "commander": commander,
            })
        })
        .collect();
    let commanders: Vec<Value> = content
        .commanders
        .iter()
        .map(|c| {
            let says = text::commander(&content, c);
            json!({"id": c.id, "name": c.name, "faction": c.faction.name(), "text": says})
        })
        .collect();
    let weights: Vec<Value> = TABLE
        .iter()
        .map(|w| json!({"name": w.name, "value": w.value, "low": w.low, "high": w.high}))
        .collect();
    let factions = Faction::FIGHTING.map(Faction::name);
    Ok(json!({
        "decks": decks, "commanders": commanders, "cards": record::cards(&content), "weights": weights,
        "factions": factions, "version": env!("CARGO_PKG_VERSION"),
    })
    .to_string())
}

/// Weights of a TOML text as a list of 28, after the table's order. Raises BadContent.
#[pyfunction]
#[pyo3(signature = (name, text, content=None))]
fn read_weights(name: &str, text: &str, content: Option<&str>) -> PyResult<Vec<f32>> {
    let content = content_of(content)?;
    Ok(weights::read(name, text, &content).map_err(wrong)?.default.values().to_vec())
}

/// Weights as a TOML text, with comments at its head.
#[pyfunction]
fn write_weights(name: &str, values: Vec<f32>, notes: Vec<String>) -> PyResult<String> {
    Ok(weights::write(name, &Weights::new(vector(&values)?), &notes))
}

fn vector(values: &[f32]) -> PyResult<[f32; 28]> {
    values
        .try_into()
        .map_err(|_| BadContent::new_err(format!("weights: there are {} and not 28", values.len())))
}

/// Games of a whole tuning with these options (JSON), with its final measurement.
#[pyfunction]
fn tuning_games(config: &str) -> PyResult<u64> {
    Ok(serde_json::from_str::<tune::Config>(config).map_err(unreadable)?.total_games())
}

/// CMA-ES over the weights, a generation at a time.
#[pyclass]
struct Tuner {
    tuner: tune::Tuner<'static>,
    workers: Workers,
}

#[pymethods]
impl Tuner {
    /// `config`: JSON. `checkpoint`: to go on from. `threads`: 0 for one for each core. Raises BadContent.
    #[new]
    #[pyo3(signature = (config, checkpoint=None, threads=0, content=None))]
    fn new(config: &str, checkpoint: Option<&str>, threads: usize, content: Option<&str>) -> PyResult<Self> {
        let content = Loaded::new(content)?.content;
        let config: tune::Config = serde_json::from_str(config).map_err(unreadable)?;
        let tuner = match checkpoint {
            Some(text) => tune::Tuner::restored(content, config, text),
            None => tune::Tuner::new(content, config),
        }
        .map_err(wrong)?;
        Ok(Self { tuner, workers: workers(threads)? })
    }

    /// Why there is no further generation; None if there is one.
    fn ended(&self) -> Option<&'static str> {
        self.tuner.ended()
    }

    /// One generation, told as JSON. Raises Cancelled, and then it has not happened.
    #[pyo3(signature = (poll=None))]
    fn step(&mut self, py: Python<'_>, poll: Option<Py<PyAny>>) -> PyResult<String> {
        let Self { tuner, workers } = self;
        let made =
            polled(py, workers, poll.as_ref(), || tuner.step(workers).map(|made| json!(made).to_string()))?;
        done(made)
    }

    /// Choose and measure, told as JSON. Raises Cancelled.
    #[pyo3(signature = (poll=None))]
    fn finish(&mut self, py: Python<'_>, poll: Option<Py<PyAny>>) -> PyResult<String> {
        let Self { tuner, workers } = self;
        let made =
            polled(py, workers, poll.as_ref(), || tuner.finish(workers).map(|made| json!(made).to_string()))?;
        done(made)
    }

    /// All that going on needs, as JSON.
    fn checkpoint(&self) -> PyResult<String> {
        self.tuner.checkpoint().map_err(wrong)
    }

    /// Candidates of the next generation, as vectors of 25 variables between 0 and 1, or a little outside.
    fn ask(&mut self) -> Vec<Vec<f64>> {
        self.tuner.ask()
    }

    /// What vectors lose on the deals of generation `number` (from 0): lower is better. For other optimisers.
    #[pyo3(signature = (vectors, number, poll=None))]
    fn losses(
        &mut self,
        py: Python<'_>,
        vectors: Vec<Vec<f64>>,
        number: u64,
        poll: Option<Py<PyAny>>,
    ) -> PyResult<Vec<f64>> {
        let Self { tuner, workers } = self;
        if vectors.iter().any(|x| x.len() != weights::VARIABLES || x.iter().any(|u| !u.is_finite())) {
            return Err(BadContent::new_err("vectors: each has to be 25 finite numbers"));
        }
        let made = polled(py, workers, poll.as_ref(), || {
            tuner.evaluate(workers, &vectors, number).map(|(_, losses)| losses)
        })?;
        done(made)
    }

    /// Games so far.
    #[getter]
    fn games(&self) -> u64 {
        self.tuner.games
    }
}

/// Weights of a vector of 25 variables.
#[pyfunction]
fn from_unit(vector: Vec<f64>) -> PyResult<Vec<f32>> {
    if vector.len() != weights::VARIABLES {
        return Err(BadContent::new_err(format!("there are {} variables and not 25", vector.len())));
    }
    Ok(weights::from_unit(&vector).values().to_vec())
}

/// Games of a validation with these options.
#[pyfunction]
#[pyo3(signature = (config, content=None))]
fn validation_games(config: &str, content: Option<&str>) -> PyResult<u64> {
    let config: validate::Config = serde_json::from_str(config).map_err(unreadable)?;
    config.total_games(&content_of(content)?).map_err(wrong)
}

/// Play a validation: its matchups as JSON. Raises BadContent, Cancelled.
#[pyfunction(name = "validate")]
#[pyo3(signature = (config, poll=None, threads=0, content=None))]
fn run_validation(
    py: Python<'_>,
    config: &str,
    poll: Option<Py<PyAny>>,
    threads: usize,
    content: Option<&str>,
) -> PyResult<String> {
    let content = content_of(content)?;
    let config: validate::Config = serde_json::from_str(config).map_err(unreadable)?;
    let workers = workers(threads)?;
    let made =
        polled(py, &workers, poll.as_ref(), || validate::validate(&content, &config, &workers, |_| {}))?;
    Ok(json!(done(made.map_err(wrong)?)?).to_string())
}

/// Parts of a validation together, with their summary and its text: `{results, summary, text}` as JSON.
#[pyfunction]
#[pyo3(signature = (parts, content=None))]
fn merge_validations(parts: Vec<String>, content: Option<&str>) -> PyResult<String> {
    let content = content_of(content)?;
    let parts: Vec<validate::Results> =
        parts.iter().map(|part| serde_json::from_str(part).map_err(unreadable)).collect::<PyResult<_>>()?;
    let results = validate::merge(&content, &parts).map_err(wrong)?;
    let summary = validate::summarise(&results);
    let text = report::validation(&results, &summary);
    Ok(json!({"results": results, "summary": summary, "text": text}).to_string())
}

/// What `summary.txt` of a tuning says. `outcome`: as `Tuner.finish` tells it.
#[pyfunction]
fn tuning_text(outcome: &str, tag: &str) -> PyResult<String> {
    let outcome: tune::Outcome = serde_json::from_str(outcome).map_err(unreadable)?;
    Ok(report::tuning(&outcome, tag))
}

/// New weights against current ones, as JSON. Raises BadContent, Cancelled.
#[pyfunction(name = "gate")]
#[pyo3(signature = (config, poll=None, threads=0, content=None))]
fn run_gate(
    py: Python<'_>,
    config: &str,
    poll: Option<Py<PyAny>>,
    threads: usize,
    content: Option<&str>,
) -> PyResult<String> {
    let content = content_of(content)?;
    let config: gate::Config = serde_json::from_str(config).map_err(unreadable)?;
    let workers = workers(threads)?;
    let made = polled(py, &workers, poll.as_ref(), || gate::gate(&content, &config, &workers))?;
    Ok(json!(done(made.map_err(wrong)?)?).to_string())
}

/// Both games of a deal, step by step, as JSON. `decks`: their ids; `weights`: of each; `review`: simulations of the
/// reviewer, 0 for none. Raises BadContent, Cancelled.
#[pyfunction(name = "record")]
#[pyo3(signature = (decks, seed, weights, simulations=100, rollout="truncated", review=400, poll=None, content=None))]
#[allow(clippy::too_many_arguments)]
fn run_record(
    py: Python<'_>,
    decks: (String, String),
    seed: u64,
    weights: (Vec<f32>, Vec<f32>),
    simulations: u32,
    rollout: &str,
    review: u32,
    poll: Option<Py<PyAny>>,
    content: Option<&str>,
) -> PyResult<String> {
    let content = content_of(content)?;
    let rollout = tune::rollout(rollout).map_err(wrong)?;
    let settings = Settings { simulations: simulations.max(1), rollout, ..Settings::default() };
    let wanted = record::Wanted {
        deal: Deal { decks: [place(&content, &decks.0)?, place(&content, &decks.1)?], seed },
        weights: [Weights::new(vector(&weights.0)?), Weights::new(vector(&weights.1)?)],
        settings,
        review,
    };
    let workers = workers(1)?;
    let made = polled(py, &workers, poll.as_ref(), || {
        record::record(&content, &wanted, &workers.stop).ok_or(Stopped)
    })?;
    Ok(done(made)?.to_string())
}

/// The seed of a deal of a validation.
#[pyfunction]
fn deal_seed(deck1: &str, deck2: &str, seed: u64, number: u64) -> u64 {
    validate::deal_of([0, 0], [deck1, deck2], seed, number).seed
}

fn place(content: &Content, deck: &str) -> PyResult<usize> {
    content.deck(deck).ok_or_else(|| {
        let known: Vec<&str> = content.decks.iter().map(|deck| deck.id.as_str()).collect();
        BadContent::new_err(format!("there is no deck {deck:?}; there are {}", known.join(", ")))
    })
}

/// The next numbers of a random stream, for tests.
#[pyfunction]
fn random_numbers(seed: u64, count: usize) -> Vec<u64> {
    let mut rng = Rng::stream(seed, Purpose::Deck, &[]);
    (0..count).map(|_| rng.next_u64()).collect()
}

/// Essence Wars.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("Cancelled", module.py().get_type::<Cancelled>())?;
    module.add("BadContent", module.py().get_type::<BadContent>())?;
    module.add_class::<Tuner>()?;
    module.add_class::<PyGame>()?;
    module.add_class::<Loaded>()?;
    module.add_class::<Cma>()?;
    module.add_function(wrap_pyfunction!(describe, module)?)?;
    module.add_function(wrap_pyfunction!(read_weights, module)?)?;
    module.add_function(wrap_pyfunction!(write_weights, module)?)?;
    module.add_function(wrap_pyfunction!(tuning_games, module)?)?;
    module.add_function(wrap_pyfunction!(tuning_text, module)?)?;
    module.add_function(wrap_pyfunction!(from_unit, module)?)?;
    module.add_function(wrap_pyfunction!(validation_games, module)?)?;
    module.add_function(wrap_pyfunction!(run_validation, module)?)?;
    module.add_function(wrap_pyfunction!(merge_validations, module)?)?;
    module.add_function(wrap_pyfunction!(run_gate, module)?)?;
    module.add_function(wrap_pyfunction!(run_record, module)?)?;
    module.add_function(wrap_pyfunction!(deal_seed, module)?)?;
    module.add_function(wrap_pyfunction!(random_numbers, module)?)?;
    Ok(())
}

/// The optimiser alone, for comparison with others.
#[pyclass]
struct Cma {
    inner: essence_wars_core::cma::Cma,
}

#[pymethods]
impl Cma {
    /// A distribution around `mean` with step size `sigma` and `population` candidates a generation (at least 3).
    #[new]
    fn new(mean: Vec<f64>, sigma: f64, population: usize, seed: u64) -> PyResult<Self> {
        if population < 3 || mean.is_empty() || sigma.is_nan() || sigma <= 0.0 {
            return Err(PyValueError::new_err("it needs a variable, a step size above 0, and 3 candidates"));
        }
        let rng = Rng::stream(seed, Purpose::Search, &[]);
        Ok(Self { inner: essence_wars_core::cma::Cma::new(mean, sigma, population, &rng) })
    }

    /// The candidates of the next generation.
    fn ask(&mut self) -> Vec<Vec<f64>> {
        self.inner.ask()
    }

    /// Learn from candidates and their values; lower is better.
    fn tell(&mut self, candidates: Vec<Vec<f64>>, values: Vec<f64>) -> PyResult<()> {
        let fits = candidates.len() == self.inner.lambda
            && values.len() == self.inner.lambda
            && candidates.iter().all(|x| x.len() == self.inner.n)
            && values.iter().all(|v| !v.is_nan());
        if !fits {
            return Err(PyValueError::new_err("tell needs as many candidates and values as ask has given"));
        }
        self.inner.tell(&candidates, &values);
        Ok(())
    }

    /// Mean, step size, covariance in rows, and both paths.
    fn state(&self) -> (Vec<f64>, f64, Vec<f64>, Vec<f64>, Vec<f64>) {
        let c = &self.inner;
        (c.mean.clone(), c.sigma, c.c.clone(), c.pc.clone(), c.ps.clone())
    }
}
