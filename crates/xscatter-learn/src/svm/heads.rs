//! One yes-or-no question for each class or tag: what both support vector machines ask and answer.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Result, TagState, Target, TrainingSet};

use crate::lanes::{Work, dot, vectorised};
use crate::pairwise::QUERIES;
use crate::problem::{ClassMap, ClassWeight, Missing, Problem, check_finite};
use crate::svm::sharpness::{SHARPNESS, sharpness};
use crate::svm::sigmoid::Sigmoid;

/// What the answers mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outputs {
    /// One of them is true.
    Classes(ClassMap),
    /// Each may be true.
    Tags(Vec<Arc<str>>),
}

impl Outputs {
    pub(crate) fn names(&self) -> &[Arc<str>] {
        match self {
            Self::Classes(classes) => classes.names(),
            Self::Tags(names) => names,
        }
    }

    /// Two classes share a question.
    fn questions(&self) -> usize {
        match self {
            Self::Classes(classes) if classes.len() == 2 => 1,
            Self::Classes(classes) => classes.len(),
            Self::Tags(names) => names.len(),
        }
    }
}

/// Some rows and what is known of them.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Which rows.
    pub(crate) ranges: [Range<usize>; 2],
    /// For each of them, 1 for yes and −1 for no.
    pub(crate) sides: Vec<f64>,
    /// How much each weighs; 0 if its answer is unknown.
    pub(crate) weights: Vec<f64>,
}

impl Question {
    /// Of one range of rows.
    fn of_all(sides: Vec<f64>, weights: Vec<f64>) -> Self {
        Self {
            ranges: [0..sides.len(), 0..0],
            sides,
            weights,
        }
    }

    /// The rows whose answer is known, as places among all.
    pub(crate) fn known(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.weights.len()).filter(|&place| self.weights[place] > 0.0)
    }

    /// The answer of a question that has one answer alone.
    pub(crate) fn is_yes(&self) -> bool {
        self.count(1.0) > 0
    }

    /// How many of the known rows are on a side.
    fn count(&self, side: f64) -> usize {
        self.known()
            .filter(|&place| self.sides[place] == side)
            .count()
    }

    /// Makes both sides weigh alike and all rows weigh what they did.
    fn balance(&mut self) {
        let total: f64 = self.weights.iter().sum();
        for side in [1.0, -1.0] {
            let same = self.sides.iter().zip(&self.weights);
            let of_side: f64 = same.filter(|(s, _)| **s == side).map(|(_, w)| w).sum();
            for (other, weight) in self.sides.iter().zip(&mut self.weights) {
                if *other == side && of_side > 0.0 {
                    *weight *= total / (2.0 * of_side);
                }
            }
        }
    }

    /// The fold of each row: the known rows of a side go round.
    fn folds(&self, number: usize) -> Vec<usize> {
        let mut folds = vec![0; self.sides.len()];
        let mut next = [0, 0];
        for place in self.known() {
            let counter = &mut next[usize::from(self.sides[place] > 0.0)];
            folds[place] = *counter % number;
            *counter += 1;
        }
        folds
    }
}

/// All questions of a training set.
#[derive(Debug)]
pub(crate) struct Questionnaire<'a> {
    /// Rows × features, row after row in memory.
    pub(crate) rows: CowArray<'a, f32, Ix2>,
    pub(crate) outputs: Outputs,
    pub(crate) questions: Vec<Question>,
}

impl<'a> Questionnaire<'a> {
    /// Drops rows of weight 0; every feature must be finite.
    pub(crate) fn new(train: &TrainingSet<'a>, class_weight: ClassWeight) -> Result<Self> {
        let mut all = match train.target() {
            Target::Tags(tags) => Self::of_tags(train, tags.names(), tags.states())?,
            _ => Self::of_classes(train)?,
        };
        if class_weight == ClassWeight::Balanced {
            all.questions.iter_mut().for_each(Question::balance);
        }
        Ok(all)
    }

    fn of_classes(train: &TrainingSet<'a>) -> Result<Self> {
        let problem = Problem::new(train, ClassWeight::Uniform, Missing::Refused)?;
        let outputs = Outputs::Classes(problem.classes);
        let number = outputs.questions();
        let questions = (0..number)
            .map(|question| {
                // The only question about two classes is whether it is the second.
                let class = if number == 1 { 1 } else { question as u32 };
                let sides = problem.labels.iter().map(|&label| side(label == class));
                Question::of_all(sides.collect(), problem.weights.clone())
            })
            .collect();
        Ok(Self {
            rows: problem.rows,
            outputs,
            questions,
        })
    }

    fn of_tags(
        train: &TrainingSet<'a>,
        names: &[Arc<str>],
        states: &Array2<TagState>,
    ) -> Result<Self> {
        train.stop().check()?;
        let degenerate = |message: String| Error::new(ErrorKind::DegenerateData, message);
        if train.rows().ncols() == 0 || names.is_empty() {
            return Err(degenerate(format!(
                "expected at least one feature and one tag, got {} and {}",
                train.rows().ncols(),
                names.len()
            )));
        }
        let weight = |row: usize| {
            train
                .weights()
                .map_or(1.0, |weights| f64::from(weights[row]))
        };
        let kept: Vec<usize> = (0..train.rows().nrows())
            .filter(|&row| weight(row) > 0.0)
            .collect();
        let rows = train.rows().select(Axis(0), &kept);
        check_finite(rows.view())?;
        let questions: Vec<Question> = (0..names.len())
            .map(|tag| {
                let answers = kept.iter().map(|&row| match states[(row, tag)] {
                    TagState::Positive => (1.0, weight(row)),
                    TagState::Negative => (-1.0, weight(row)),
                    TagState::Unknown => (-1.0, 0.0),
                });
                let (sides, weights) = answers.unzip();
                Question::of_all(sides, weights)
            })
            .collect();
        if let Some(tag) = questions
            .iter()
            .position(|one| one.known().next().is_none())
        {
            return Err(degenerate(format!(
                "tag {}: expected rows for which it is known, got none",
                names[tag]
            )));
        }
        let decided = |one: &Question| one.count(1.0) > 0 && one.count(-1.0) > 0;
        if !questions.iter().any(decided) {
            return Err(degenerate(
                "expected a tag with both positive and negative rows, got none".to_owned(),
            ));
        }
        Ok(Self {
            rows: rows.into(),
            outputs: Outputs::Tags(names.to_vec()),
            questions,
        })
    }

    /// The power for the probabilities of three or more classes, from decisions about rows that were held out.
    pub(crate) fn sharpness<M>(&self, answers: &[Answer<M>]) -> f64 {
        let all: Option<Vec<&Answered<M>>> = answers.iter().map(Option::as_ref).collect();
        let all = all.filter(|all| all.iter().all(|answered| answered.is_held_out));
        let (Outputs::Classes(_), Some(all), 3..) = (&self.outputs, all, answers.len()) else {
            return 1.0;
        };
        let places = 0..self.rows.nrows();
        let proba = places.clone().flat_map(|place| {
            let all = all.iter();
            all.map(move |one| one.sigmoid.probability(one.decisions[place]))
        });
        let truth = places.map(|place| {
            let yes = |question: &Question| question.sides[place] > 0.0;
            let class = self.questions.iter().position(yes);
            class.expect("every row is of one of the classes")
        });
        sharpness(proba.collect(), all.len(), &truth.collect::<Vec<_>>())
    }

    pub(crate) fn flat(&self) -> &[f32] {
        self.rows
            .as_slice()
            .expect("the rows are in standard layout")
    }
}

/// 1 for yes, −1 for no.
pub(crate) fn side(yes: bool) -> f64 {
    if yes { 1.0 } else { -1.0 }
}

/// Finds the machine that answers a question.
pub(crate) trait Solve: Sync {
    type Machine: Send + Sync;

    /// The machine of all known rows.
    fn solve(&self, question: &Question) -> Result<Self::Machine>;

    /// What the machine says about each row, or about the known ones at least.
    fn decisions(&self, question: &Question, machine: &Self::Machine) -> Vec<f64>;

    /// The same by a machine that knows the kept rows alone, starting from that of all.
    fn decisions_without(
        &self,
        question: &Question,
        machine: &Self::Machine,
        keeps: &(dyn Fn(usize) -> bool + Sync),
    ) -> Result<Vec<f64>>;
}

/// A machine with its sigmoid.
pub(crate) struct Answered<M> {
    pub(crate) machine: M,
    pub(crate) sigmoid: Sigmoid,
    /// What the sigmoid was fitted to, for each row of the question.
    pub(crate) decisions: Vec<f64>,
    /// Whether they are about rows that were held out.
    pub(crate) is_held_out: bool,
}

/// `None` for a question with one answer alone.
pub(crate) type Answer<M> = Option<Answered<M>>;

/// Answers each question and calibrates the answers on rows that were held out of the fit in turns, or, if
/// a side has too few for that, on the rows of the fit.
pub(crate) fn answer<S: Solve>(
    solve: &S,
    questions: &[Question],
    folds: usize,
) -> Result<Vec<Answer<S::Machine>>> {
    let answers: Vec<Result<Answer<S::Machine>>> = questions
        .par_iter()
        .map(|question| {
            let fewest = question.count(1.0).min(question.count(-1.0));
            if fewest == 0 {
                return Ok(None);
            }
            let machine = solve.solve(question)?;
            let number = folds.min(fewest);
            let is_held_out = number >= 2;
            let decisions = if is_held_out {
                held_out(solve, question, &machine, number)?
            } else {
                solve.decisions(question, &machine)
            };
            let sigmoid = Sigmoid::fit(&decisions, &question.sides, &question.weights);
            Ok(Some(Answered {
                machine,
                sigmoid,
                decisions,
                is_held_out,
            }))
        })
        .collect();
    answers.into_iter().collect()
}

/// The decision about each row by a machine that never saw it.
fn held_out<S: Solve>(
    solve: &S,
    question: &Question,
    machine: &S::Machine,
    number: usize,
) -> Result<Vec<f64>> {
    let folds = question.folds(number);
    let parts: Vec<Result<Vec<f64>>> = (0..number)
        .into_par_iter()
        .map(|fold| solve.decisions_without(question, machine, &|place| folds[place] != fold))
        .collect();
    let parts: Vec<Vec<f64>> = parts.into_iter().collect::<Result<_>>()?;
    let places = folds.iter().enumerate();
    Ok(places.map(|(place, &fold)| parts[fold][place]).collect())
}

/// The answer to one question, as weights of what it is computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Head {
    /// All training rows had this answer.
    Always(bool),
    /// A machine.
    Machine {
        coefficients: Vec<f64>,
        intercept: f64,
        sigmoid: Sigmoid,
    },
}

impl Head {
    /// From an answer; `parts` gives the coefficients and the intercept of a machine.
    pub(crate) fn new<M>(
        answer: Answer<M>,
        question: &Question,
        parts: impl FnOnce(M) -> (Vec<f64>, f64),
    ) -> Self {
        let Some(answered) = answer else {
            return Self::Always(question.is_yes());
        };
        let (coefficients, intercept) = parts(answered.machine);
        Self::Machine {
            coefficients,
            intercept,
            sigmoid: answered.sigmoid,
        }
    }

    /// Positive for yes.
    #[allow(
        clippy::inline_always,
        reason = "compiled for wide instructions where it is used"
    )]
    #[inline(always)]
    fn decision(&self, inputs: &[f32]) -> f64 {
        match self {
            Self::Always(yes) if *yes => f64::INFINITY,
            Self::Always(_) => f64::NEG_INFINITY,
            Self::Machine {
                coefficients,
                intercept,
                ..
            } => intercept + dot(&inputs[..coefficients.len()], coefficients),
        }
    }

    fn probability(&self, decision: f64) -> f64 {
        match self {
            Self::Always(yes) => f64::from(u8::from(*yes)),
            Self::Machine { sigmoid, .. } => sigmoid.probability(decision),
        }
    }
}

/// What all heads decide about a row.
struct Decide<'a> {
    heads: &'a [Head],
    inputs: &'a [f32],
    out: &'a mut [f64],
}

impl Work for Decide<'_> {
    type Output = ();

    #[allow(
        clippy::inline_always,
        reason = "compiled for wide instructions where it is used"
    )]
    #[inline(always)]
    fn run(self) {
        for (out, head) in self.out.iter_mut().zip(self.heads) {
            *out = head.decision(self.inputs);
        }
    }
}

/// All answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heads {
    pub(crate) outputs: Outputs,
    pub(crate) answers: Vec<Head>,
    /// The power to which probabilities of three or more classes are raised.
    pub(crate) sharpness: f64,
}

impl Heads {
    /// Whether there is an answer to each question, from so many finite numbers.
    pub(crate) fn check(&self, inputs: usize) -> Result<(), String> {
        let classes = matches!(self.outputs, Outputs::Classes(_));
        let sound = SHARPNESS.contains(&self.sharpness)
            && self.answers.len() == self.outputs.questions()
            && self.answers.iter().all(|head| match head {
                Head::Always(_) => !classes,
                Head::Machine {
                    coefficients,
                    intercept,
                    sigmoid,
                } => {
                    coefficients.len() == inputs
                        && coefficients.iter().all(|one| one.is_finite())
                        && intercept.is_finite()
                        && sigmoid.is_finite()
                }
            });
        if sound {
            return Ok(());
        }
        Err(format!(
            "expected {} answers from {inputs} finite numbers each, got {}",
            self.outputs.questions(),
            self.answers.len()
        ))
    }

    /// Decision values of a block of rows, row after row; `inputs` writes what the answers are computed from,
    /// the same number for each row.
    fn decide(
        &self,
        rows: &[f32],
        width: usize,
        inputs: &(impl Fn(&[f32], &mut Vec<f32>) + Sync),
        out: &mut [f64],
    ) {
        let mut all = Vec::new();
        inputs(rows, &mut all);
        let stride = all.len() / (rows.len() / width);
        let out = out.chunks_exact_mut(self.answers.len());
        for (inputs, out) in all.chunks_exact(stride).zip(out) {
            vectorised(Decide {
                heads: &self.answers,
                inputs,
                out,
            });
        }
    }

    /// Probabilities.
    pub(crate) fn predict(
        &self,
        rows: ArrayView2<'_, f32>,
        inputs: impl Fn(&[f32], &mut Vec<f32>) + Sync,
    ) -> Result<Array2<f32>> {
        let width = rows.ncols();
        match &self.outputs {
            Outputs::Classes(classes) => classes.predict(rows, QUERIES, |rows, proba| {
                let n_heads = self.answers.len();
                let mut decisions = vec![0.0; rows.len() / width * n_heads];
                self.decide(rows, width, &inputs, &mut decisions);
                let proba = proba.chunks_exact_mut(classes.len());
                for (decisions, proba) in decisions.chunks_exact(n_heads).zip(proba) {
                    if let [head] = &self.answers[..] {
                        let second = head.probability(decisions[0]);
                        proba.copy_from_slice(&[1.0 - second, second]);
                    } else {
                        let heads = self.answers.iter().zip(decisions);
                        for (proba, (head, &decision)) in proba.iter_mut().zip(heads) {
                            *proba = head.probability(decision).powf(self.sharpness);
                        }
                    }
                }
                Ok(())
            }),
            Outputs::Tags(_) => {
                let mut decisions = self.decisions(rows, inputs);
                for (mut column, head) in decisions.columns_mut().into_iter().zip(&self.answers) {
                    column.mapv_inplace(|decision| head.probability(decision));
                }
                Ok(decisions.mapv(|probability| probability as f32))
            }
        }
    }

    /// Decision values, rows × questions.
    pub(crate) fn decisions(
        &self,
        rows: ArrayView2<'_, f32>,
        inputs: impl Fn(&[f32], &mut Vec<f32>) + Sync,
    ) -> Array2<f64> {
        let width = rows.ncols();
        blocks(rows, self.answers.len(), |rows, out| {
            self.decide(rows, width, &inputs, out);
        })
    }
}

/// Rows × columns, block by block of rows.
pub(crate) fn blocks(
    rows: ArrayView2<'_, f32>,
    n_columns: usize,
    of_block: impl Fn(&[f32], &mut [f64]) + Sync,
) -> Array2<f64> {
    let mut out = Array2::zeros((rows.nrows(), n_columns));
    let width = rows.ncols();
    let rows = rows.as_standard_layout();
    let rows = rows.as_slice().expect("the rows are in standard layout");
    out.as_slice_mut()
        .expect("a new array is in standard layout")
        .par_chunks_mut(QUERIES * n_columns)
        .zip(rows.par_chunks(QUERIES * width))
        .for_each(|(out, rows)| of_block(rows, out));
    out
}
