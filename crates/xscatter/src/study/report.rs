//! A study as one HTML page for people: no script, no other file, pictures inside.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use ndarray::Array2;
use xscatter_automl::{
    Ensemble, Entry, Leaderboard, Representation, Status, Summary, pareto_front,
};
use xscatter_core::{Goal, Result, Target};
use xscatter_metrics::plot::{
    confusion_matrix_svg, precision_recall_svg, reliability_svg, roc_svg,
};
use xscatter_metrics::{
    Binning, ConfusionMatrix, PrecisionRecallCurve, ReliabilityCurve, RocCurve,
};

use super::StudySpec;

/// How many entries the page shows.
const SHOWN: usize = 100;
/// How many curves are drawn at most: with more nobody could tell them apart.
const CURVES: usize = 12;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;\
color:#1b1b1f}h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem}table{border-collapse:collapse;\
font-size:.85rem}th,td{padding:.25rem .6rem;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}\
td.n{text-align:right;font-variant-numeric:tabular-nums}.wide{overflow-x:auto}.pictures{display:flex;\
flex-wrap:wrap;gap:1rem}.pictures svg{max-width:33rem;height:auto}small,.quiet{color:#666}";

/// What a page is about.
pub(super) struct Page<'a> {
    pub(super) spec: &'a StudySpec,
    pub(super) representations: &'a [Representation],
    pub(super) target: &'a Target,
    pub(super) board: &'a Leaderboard,
    pub(super) ensemble: Option<&'a Ensemble>,
}

impl Page<'_> {
    /// The page.
    pub(super) fn html(&self) -> Result<String> {
        let metric = &self.board.metrics[self.board.rank_by];
        let mut page = String::new();
        let title = escaped(&self.title());
        put(
            &mut page,
            format_args!(
                "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
                 content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body>\n\
                 <h1>{title}</h1>\n"
            ),
        );
        self.summary(&mut page);
        self.ensemble(&mut page)?;
        let by = escaped(&metric.name);
        put(&mut page, format_args!("<h2>Where it works: {by}</h2>\n"));
        self.grid(&mut page);
        put(&mut page, format_args!("<h2>Score against time</h2>\n"));
        self.times(&mut page);
        put(&mut page, format_args!("<h2>Leaderboard</h2>\n"));
        self.leaderboard(&mut page);
        page.push_str("</body></html>\n");
        Ok(page)
    }

    fn title(&self) -> String {
        let names: Vec<&str> = self.representations.iter().map(|one| &*one.name).collect();
        match names.len() {
            0..=3 => format!("Study of {}", names.join(", ")),
            n => format!("Study of {n} representations"),
        }
    }

    fn summary(&self, page: &mut String) {
        let board = self.board;
        let stopped = count(board, |status| matches!(status, Status::Stopped(_)));
        let failed = count(board, |status| matches!(status, Status::Failed(_)));
        let state = if board.is_complete() {
            "complete".to_owned()
        } else {
            format!("{} trials not made", board.planned - board.entries.len())
        };
        let groups: BTreeSet<&Arc<str>> = self
            .representations
            .first()
            .map(|one| one.table.groups().iter().collect())
            .unwrap_or_default();
        put(
            page,
            format_args!(
                "<p>{} rows in {} groups; {} {}: {}. {} folds, seed {}. {} trials, {stopped} given up early, \
                 {failed} failed; {state}.</p>\n",
                self.target.len(),
                groups.len(),
                self.target.names().len(),
                match self.target {
                    Target::Tags(_) => "tags",
                    _ => "classes",
                },
                escaped(&self.target.names().join(", ")),
                board.folds,
                board.seed,
                board.entries.len(),
            ),
        );
        page.push_str("<p class=\"quiet\">");
        for (table, one) in self.spec.tables.iter().zip(self.representations) {
            put(
                page,
                format_args!(
                    "{}: {} columns of {}<br>",
                    escaped(&one.name),
                    one.table.n_columns(),
                    escaped(&table.path.display().to_string())
                ),
            );
        }
        page.push_str("</p>\n");
    }

    fn ensemble(&self, page: &mut String) -> Result<()> {
        let Some(ensemble) = self.ensemble else {
            page.push_str("<p>There is no final model yet.</p>\n");
            return Ok(());
        };
        put(
            page,
            format_args!(
                "<h2>Final model</h2>\n<p>Log-loss out of fold: {:.4}; of the best single entry: {:.4}. An \
                 ensemble is chosen on these scores, so judge it on rows that the study never saw.{}</p>\n\
                 <table><tr><th>weight</th><th>representation</th><th>family</th><th>parameters</th></tr>\n",
                ensemble.score,
                ensemble.best_single,
                match &ensemble.temperature {
                    Some(temperature) => format!(" Temperature {:.3}.", temperature.value),
                    None => String::new(),
                }
            ),
        );
        let mut members = ensemble.members.clone();
        members.sort_by(|(_, left), (_, right)| right.total_cmp(left));
        for (place, weight) in members {
            let entry = &self.board.entries[place];
            put(
                page,
                format_args!(
                    "<tr><td class=\"n\">{weight:.2}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                    escaped(&entry.representation),
                    escaped(&entry.family),
                    escaped(&entry.params.to_string())
                ),
            );
        }
        page.push_str("</table>\n");
        self.pictures(page, ensemble)
    }

    /// What the ensemble gets right and wrong, out of fold.
    fn pictures(&self, page: &mut String, ensemble: &Ensemble) -> Result<()> {
        let scores: Option<Vec<Array2<f32>>> = ensemble
            .members
            .iter()
            .map(|(place, _)| self.board.entries[*place].out_of_fold.clone())
            .collect();
        let Some(scores) = scores else { return Ok(()) };
        let scores = ensemble.combine(&scores)?;
        // Rows that no fold judges have no scores.
        let judged: Vec<usize> = (0..scores.nrows())
            .filter(|&row| scores.row(row).iter().all(|score| score.is_finite()))
            .collect();
        let truth = self.target.select(&judged);
        let scores = scores.select(ndarray::Axis(0), &judged);
        let mut pictures = vec![];
        if let Target::Classes(_) = truth {
            let matrix = ConfusionMatrix::from_scores(&truth, scores.view())?;
            pictures.push(confusion_matrix_svg(&matrix, "Final model, out of fold")?);
        }
        let some = |curves: usize| (1..=CURVES).contains(&curves);
        let curves = RocCurve::of_all(&truth, scores.view())?;
        let roc: Vec<RocCurve> = curves.into_iter().flatten().collect();
        if some(roc.len()) {
            pictures.push(roc_svg(&roc, "Each against the rest")?);
        }
        let curves = PrecisionRecallCurve::of_all(&truth, scores.view())?;
        let precision: Vec<PrecisionRecallCurve> = curves.into_iter().flatten().collect();
        if some(precision.len()) {
            pictures.push(precision_recall_svg(&precision, "Precision and recall")?);
        }
        if some(truth.names().len()) {
            let curves: Vec<ReliabilityCurve> = (0..truth.names().len())
                .filter_map(|output| {
                    ReliabilityCurve::new(&truth, scores.view(), output, 10, Binning::Uniform).ok()
                })
                .collect();
            if !curves.is_empty() {
                pictures.push(reliability_svg(&curves, "How sure, how often right")?);
            }
        }
        page.push_str("<div class=\"pictures\">\n");
        for picture in pictures {
            page.push_str(picture.trim_start_matches("<?xml version=\"1.0\"?>"));
            page.push('\n');
        }
        page.push_str("</div>\n");
        Ok(())
    }

    /// The best of every family on every representation.
    fn grid(&self, page: &mut String) {
        let board = self.board;
        let goal = board.metrics[board.rank_by].goal;
        let mut families: Vec<&str> = vec![];
        for entry in &board.entries {
            if !families.contains(&&*entry.family) {
                families.push(&entry.family);
            }
        }
        let of = |representation: &str, family: &str| {
            let mut entries = board.entries.iter();
            let first = entries
                .find(|one| &*one.representation == representation && &*one.family == family);
            first.and_then(|entry| entry.mean(board.rank_by))
        };
        let values: Vec<f64> = board
            .entries
            .iter()
            .filter_map(|one| one.mean(board.rank_by))
            .collect();
        let best = values.iter().copied().fold(f64::NAN, |a, b| match goal {
            Goal::Maximise => a.max(b),
            Goal::Minimise => a.min(b),
        });
        let spread = {
            let mut off: Vec<f64> = values.iter().map(|value| (value - best).abs()).collect();
            off.sort_by(f64::total_cmp);
            off.get(off.len() / 2).copied().unwrap_or(1.0).max(1e-9)
        };
        let names: Vec<&str> = self.representations.iter().map(|one| &*one.name).collect();
        // Few tables stand side by side, many one below the other.
        let upright = names.len() < families.len();
        let (rows, columns) = if upright {
            (&families, &names)
        } else {
            (&names, &families)
        };
        page.push_str("<div class=\"wide\"><table><tr><th></th>");
        for column in columns {
            put(page, format_args!("<th>{}</th>", escaped(column)));
        }
        page.push_str("</tr>\n");
        for row in rows {
            put(page, format_args!("<tr><th>{}</th>", escaped(row)));
            for column in columns {
                let value = if upright {
                    of(column, row)
                } else {
                    of(row, column)
                };
                match value {
                    Some(value) => {
                        // The best is dark; what is off by the median is half as dark.
                        let shade = 0.55 * 0.5_f64.powf((value - best).abs() / spread);
                        put(
                            page,
                            format_args!(
                                "<td class=\"n\" style=\"background:rgba(31,119,180,{shade:.2})\">\
                                 {value:.4}</td>"
                            ),
                        );
                    }
                    None => page.push_str("<td class=\"n quiet\">–</td>"),
                }
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</table></div>\n");
    }

    /// A point an entry; those that no other beats in both are joined by a line.
    fn times(&self, page: &mut String) {
        let board = self.board;
        let goal = board.metrics[board.rank_by].goal;
        let points: Vec<(f64, f64, &Entry)> = board
            .entries
            .iter()
            .filter_map(|entry| {
                Some((
                    entry.mean(board.rank_by)?,
                    entry.times?.fit_s.max(1e-5),
                    entry,
                ))
            })
            .collect();
        if points.len() < 2 {
            page.push_str("<p class=\"quiet\">There are no times to show.</p>\n");
            return;
        }
        let pairs: Vec<(f64, f64)> = points
            .iter()
            .map(|(score, seconds, _)| (*score, *seconds))
            .collect();
        let mut front = pareto_front(&pairs, goal);
        front.sort_by(|&left, &right| pairs[left].1.total_cmp(&pairs[right].1));
        let logs: Vec<f64> = pairs.iter().map(|(_, seconds)| seconds.log10()).collect();
        let (left, right) = ends(&logs);
        // The worst tenth would press all others together.
        let mut sorted: Vec<f64> = pairs.iter().map(|(score, _)| *score).collect();
        sorted.sort_by(f64::total_cmp);
        let cut = sorted.len() / 10;
        let (low, high) = match goal {
            Goal::Maximise => (sorted[cut], sorted[sorted.len() - 1]),
            Goal::Minimise => (sorted[0], sorted[sorted.len() - 1 - cut]),
        };
        let (low, high) = ends(&[low, high]);
        let (width, height) = (760.0, 340.0);
        let x = |log: f64| 70.0 + (log - left) / (right - left) * (width - 90.0);
        let y = |score: f64| {
            let place = ((score - low) / (high - low)).clamp(0.0, 1.0);
            let up = if goal == Goal::Maximise {
                place
            } else {
                1.0 - place
            };
            15.0 + (1.0 - up) * (height - 60.0)
        };
        put(
            page,
            format_args!(
                "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" style=\"max-width:{width}px\" \
                 font-family=\"sans-serif\" font-size=\"12\"><rect x=\"70\" y=\"15\" width=\"{}\" \
                 height=\"{}\" fill=\"none\" stroke=\"#999\"/>\n",
                width - 90.0,
                height - 60.0
            ),
        );
        for tick in left.ceil() as i32..=right.floor() as i32 {
            let at = x(f64::from(tick));
            put(
                page,
                format_args!(
                    "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"15\" y2=\"{:.1}\" stroke=\"#eee\"/><text \
                     x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} s</text>\n",
                    height - 45.0,
                    height - 28.0,
                    10_f64.powi(tick)
                ),
            );
        }
        for step in 0..=4 {
            let score = low + f64::from(step) / 4.0 * (high - low);
            put(
                page,
                format_args!(
                    "<text x=\"64\" y=\"{:.1}\" text-anchor=\"end\">{score:.3}</text>\n",
                    y(score) + 4.0
                ),
            );
        }
        let metric = escaped(&board.metrics[board.rank_by].name);
        put(
            page,
            format_args!(
                "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">seconds to fit a fold</text><text \
                 transform=\"translate(14 {:.0}) rotate(-90)\" text-anchor=\"middle\">{metric}</text>\n",
                70.0 + (width - 90.0) / 2.0,
                height - 6.0,
                15.0 + (height - 60.0) / 2.0
            ),
        );
        for ((score, _, entry), log) in points.iter().zip(&logs) {
            put(
                page,
                format_args!(
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"#1f77b4\" fill-opacity=\".55\">\
                     <title>{} on {}: {score:.4}</title></circle>\n",
                    x(*log),
                    y(*score),
                    escaped(&entry.family),
                    escaped(&entry.representation)
                ),
            );
        }
        let line: Vec<String> = front
            .iter()
            .map(|&place| format!("{:.1},{:.1}", x(logs[place]), y(pairs[place].0)))
            .collect();
        put(
            page,
            format_args!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"#d62728\" stroke-width=\"1.5\"/></svg>\n\
                 <p class=\"quiet\">Red: entries that no other beats in both score and time. Scores of the \
                 worst tenth lie on the edge.</p>\n",
                line.join(" ")
            ),
        );
    }

    fn leaderboard(&self, page: &mut String) {
        let board = self.board;
        page.push_str(
            "<div class=\"wide\"><table><tr><th></th><th>representation</th><th>family</th><th>parameters</th>",
        );
        // The one that ranks comes first.
        let mut order: Vec<usize> = (0..board.metrics.len()).collect();
        order.sort_by_key(|&metric| metric != board.rank_by);
        for &metric in &order {
            put(
                page,
                format_args!("<th>{}</th>", escaped(&board.metrics[metric].name)),
            );
        }
        page.push_str("<th>fit, s</th></tr>\n");
        for (place, entry) in board.entries.iter().take(SHOWN).enumerate() {
            put(
                page,
                format_args!(
                    "<tr><td class=\"n\">{}</td><td>{}</td><td>{}</td><td>{}</td>",
                    place + 1,
                    escaped(&entry.representation),
                    escaped(&entry.family),
                    escaped(&entry.params.to_string())
                ),
            );
            if let Status::Stopped(reason) | Status::Failed(reason) = &entry.status {
                put(
                    page,
                    format_args!(
                        "<td class=\"quiet\" colspan=\"{}\">{}</td></tr>\n",
                        board.metrics.len() + 1,
                        escaped(reason)
                    ),
                );
                continue;
            }
            for &metric in &order {
                match &entry.scores[metric] {
                    Summary::Value { mean, std, .. } => {
                        let std = std.map(|std| format!(" <small>± {std:.3}</small>"));
                        let std = std.unwrap_or_default();
                        put(page, format_args!("<td class=\"n\">{mean:.4}{std}</td>"));
                    }
                    Summary::Undefined(reason) => {
                        let reason = escaped(reason);
                        put(
                            page,
                            format_args!("<td class=\"n\" title=\"{reason}\">–</td>"),
                        );
                    }
                }
            }
            match entry.times {
                Some(times) => {
                    put(
                        page,
                        format_args!("<td class=\"n\">{:.3}</td></tr>\n", times.fit_s),
                    );
                }
                None => page.push_str("<td></td></tr>\n"),
            }
        }
        page.push_str("</table></div>\n");
        if board.entries.len() > SHOWN {
            put(
                page,
                format_args!(
                    "<p class=\"quiet\">The first {SHOWN} of {}; all of them are in leaderboard.csv.</p>\n",
                    board.entries.len()
                ),
            );
        }
    }
}

fn count(board: &Leaderboard, is: impl Fn(&Status) -> bool) -> usize {
    board
        .entries
        .iter()
        .filter(|entry| is(&entry.status))
        .count()
}

/// The smallest and the largest, a little apart.
fn ends(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let margin = ((high - low) * 0.04).max(1e-6);
    (low - margin, high + margin)
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = page.write_fmt(text);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
