//! One yes-or-no question for each class or tag: what both support vector machines ask and answer.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Result, TagState, Target, TrainingSet};

use crate::problem::{ClassMap, ClassWeight, Missing, Problem, check_finite};
use crate::svm::sigmoid::Sigmoid;

/// So many rows are scored at once.
const BLOCK: usize = 64;

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

/// Rows whose answer is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question {
    /// Which rows.
    pub(crate) rows: Vec<usize>,
    /// 1 for yes, −1 for no.
    pub(crate) sides: Vec<f64>,
    /// How much each weighs.
    pub(crate) weights: Vec<f64>,
}

impl Question {
    fn push(&mut self, row: usize, yes: bool, weight: f64) {
        self.rows.push(row);
        self.sides.push(if yes { 1.0 } else { -1.0 });
        self.weights.push(weight);
    }

    fn count(&self, side: f64) -> usize {
        self.sides.iter().filter(|&&other| other == side).count()
    }

    /// Makes both sides weigh alike and all rows weigh what they did.
    fn balance(&mut self) {
        let total: f64 = self.weights.iter().sum();
        for side in [1.0, -1.0] {
            let same = self.sides.iter().zip(&self.weights);
            let of_side: f64 = same.filter(|(s, _)| **s == side).map(|(_, w)| w).sum();
            for (other, weight) in self.sides.iter().zip(&mut self.weights) {
                if *other == side {
                    *weight *= total / (2.0 * of_side);
                }
            }
        }
    }

    /// The fold of each row: the rows of a side go round.
    fn folds(&self, number: usize) -> Vec<usize> {
        let mut next = [0, 0];
        let sides = self.sides.iter();
        sides
            .map(|&side| {
                let counter = &mut next[usize::from(side > 0.0)];
                *counter += 1;
                (*counter - 1) % number
            })
            .collect()
    }

    fn select(&self, kept: impl Fn(usize) -> bool) -> Self {
        let mut part = Self::default();
        for index in (0..self.rows.len()).filter(|&index| kept(index)) {
            let (row, weight) = (self.rows[index], self.weights[index]);
            part.push(row, self.sides[index] > 0.0, weight);
        }
        part
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
                let mut question = Question::default();
                for (row, (&label, &weight)) in
                    problem.labels.iter().zip(&problem.weights).enumerate()
                {
                    question.push(row, label == class, weight);
                }
                question
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
        let mut questions = vec![Question::default(); names.len()];
        for (place, &row) in kept.iter().enumerate() {
            for (question, state) in questions.iter_mut().zip(states.row(row)) {
                match state {
                    TagState::Positive => question.push(place, true, weight(row)),
                    TagState::Negative => question.push(place, false, weight(row)),
                    TagState::Unknown => {}
                }
            }
        }
        if let Some(tag) = questions.iter().position(|one| one.rows.is_empty()) {
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

    pub(crate) fn flat(&self) -> &[f32] {
        self.rows
            .as_slice()
            .expect("the rows are in standard layout")
    }
}

/// Finds the machine that answers a question.
pub(crate) trait Solve: Sync {
    type Machine: Send;

    fn solve(&self, question: &Question) -> Result<Self::Machine>;

    fn decisions(&self, machine: &Self::Machine, rows: &[usize]) -> Vec<f64>;
}

/// A machine with its sigmoid; `None` for a question with one answer alone.
pub(crate) type Answer<M> = Option<(M, Sigmoid)>;

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
            let decisions = if number < 2 {
                solve.decisions(&machine, &question.rows)
            } else {
                held_out(solve, question, number)?
            };
            let sigmoid = Sigmoid::fit(&decisions, &question.sides, &question.weights);
            Ok(Some((machine, sigmoid)))
        })
        .collect();
    answers.into_iter().collect()
}

/// The decision about each row by a machine that never saw it.
fn held_out<S: Solve>(solve: &S, question: &Question, number: usize) -> Result<Vec<f64>> {
    let folds = question.folds(number);
    let parts: Vec<Result<Vec<f64>>> = (0..number)
        .into_par_iter()
        .map(|fold| {
            let machine = solve.solve(&question.select(|index| folds[index] != fold))?;
            let held = question.select(|index| folds[index] == fold);
            Ok(solve.decisions(&machine, &held.rows))
        })
        .collect();
    let mut parts: Vec<_> = parts
        .into_iter()
        .map(|part| part.map(Vec::into_iter))
        .collect::<Result<_>>()?;
    Ok(folds
        .iter()
        .map(|&fold| {
            parts[fold]
                .next()
                .expect("a decision for each row of its fold")
        })
        .collect())
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
    /// Positive for yes.
    fn decision(&self, inputs: &[f64]) -> f64 {
        match self {
            Self::Always(yes) if *yes => f64::INFINITY,
            Self::Always(_) => f64::NEG_INFINITY,
            Self::Machine {
                coefficients,
                intercept,
                ..
            } => {
                let products = coefficients.iter().zip(inputs).map(|(c, x)| c * x);
                intercept + products.sum::<f64>()
            }
        }
    }

    fn probability(&self, inputs: &[f64]) -> f64 {
        match self {
            Self::Always(yes) => f64::from(u8::from(*yes)),
            Self::Machine { sigmoid, .. } => sigmoid.probability(self.decision(inputs)),
        }
    }
}

/// All answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heads {
    pub(crate) outputs: Outputs,
    pub(crate) heads: Vec<Head>,
}

impl Heads {
    /// Whether there is an answer to each question, from so many finite numbers.
    pub(crate) fn check(&self, inputs: usize) -> Result<(), String> {
        let classes = matches!(self.outputs, Outputs::Classes(_));
        let sound = self.heads.len() == self.outputs.questions()
            && self.heads.iter().all(|head| match head {
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
            self.heads.len()
        ))
    }

    /// Probabilities; `inputs` makes of a row what the answers are computed from.
    pub(crate) fn predict(
        &self,
        rows: ArrayView2<'_, f32>,
        inputs: impl Fn(&[f32], &mut Vec<f64>) + Sync,
    ) -> Result<Array2<f32>> {
        let width = rows.ncols();
        match &self.outputs {
            Outputs::Classes(classes) => classes.predict(rows, BLOCK, |rows, proba| {
                let mut of_row = Vec::new();
                let proba = proba.chunks_exact_mut(classes.len());
                for (row, proba) in rows.chunks_exact(width).zip(proba) {
                    inputs(row, &mut of_row);
                    if let [head] = &self.heads[..] {
                        let second = head.probability(&of_row);
                        proba.copy_from_slice(&[1.0 - second, second]);
                    } else {
                        for (proba, head) in proba.iter_mut().zip(&self.heads) {
                            *proba = head.probability(&of_row);
                        }
                    }
                }
                Ok(())
            }),
            Outputs::Tags(_) => Ok(self
                .each(rows, inputs, Head::probability)
                .mapv(|probability| probability as f32)),
        }
    }

    /// Decision values, rows × questions.
    pub(crate) fn decisions(
        &self,
        rows: ArrayView2<'_, f32>,
        inputs: impl Fn(&[f32], &mut Vec<f64>) + Sync,
    ) -> Array2<f64> {
        self.each(rows, inputs, Head::decision)
    }

    fn each(
        &self,
        rows: ArrayView2<'_, f32>,
        inputs: impl Fn(&[f32], &mut Vec<f64>) + Sync,
        value: impl Fn(&Head, &[f64]) -> f64 + Sync,
    ) -> Array2<f64> {
        let mut out = Array2::zeros((rows.nrows(), self.heads.len()));
        let width = rows.ncols();
        let rows = rows.as_standard_layout();
        let rows = rows.as_slice().expect("the rows are in standard layout");
        out.as_slice_mut()
            .expect("a new array is in standard layout")
            .par_chunks_mut(BLOCK * self.heads.len())
            .zip(rows.par_chunks(BLOCK * width))
            .for_each(|(out, rows)| {
                let mut of_row = Vec::new();
                let out = out.chunks_exact_mut(self.heads.len());
                for (row, out) in rows.chunks_exact(width).zip(out) {
                    inputs(row, &mut of_row);
                    for (out, head) in out.iter_mut().zip(&self.heads) {
                        *out = value(head, &of_row);
                    }
                }
            });
        out
    }
}
