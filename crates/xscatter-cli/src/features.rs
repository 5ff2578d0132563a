//! `xscatter features`: one CSV row of features a frame.

use std::path::PathBuf;

use xscatter::progress::Progress;
use xscatter::representations::{self, HAND_CRAFTED};
use xscatter::{Error, ErrorKind, FeatureTable, FrameSource as _, Result, StopToken, io};

use crate::Outcome;
use crate::output::{self, Bar};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Detector files and folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Which representation: histogram, glcm, radial-profile, layout or hand-crafted.
    #[arg(long, default_value = "hand-crafted")]
    representation: String,
    /// Keep the geometry of the file's header; by default the beam centre is estimated from the image.
    #[arg(long)]
    calibrated: bool,
    /// One JSON object a frame instead of CSV.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let recipe = HAND_CRAFTED
        .iter()
        .find(|recipe| recipe.name == args.representation);
    let recipe = *recipe.ok_or_else(|| {
        let known: Vec<&str> = HAND_CRAFTED.iter().map(|recipe| recipe.name).collect();
        let message = format!(
            "expected one of {}, got {}",
            known.join(", "),
            args.representation
        );
        Error::new(ErrorKind::InvalidArgument, message).at("--representation")
    })?;
    let series = io::open_series(&args.paths);
    for skipped in series.skipped() {
        output::report(&skipped.error);
    }
    let mut outcome = if series.skipped().is_empty() {
        Outcome::Complete
    } else {
        Outcome::Partial
    };
    if series.is_empty() {
        return Err(Error::new(
            ErrorKind::DegenerateData,
            "expected detector files, found none",
        ));
    }
    let extractors: Result<Vec<_>> = recipe
        .parts
        .iter()
        .map(|part| representations::extractor(part, None))
        .collect();
    let mut bar = Bar::new();
    bar.show(Progress::Stage {
        name: "describing".into(),
        total: series.len(),
    });
    let mut listen = |step| bar.show(step);
    let (extractors, stop) = (extractors?, StopToken::new());
    let extracted = if args.calibrated {
        representations::extract(&series, &extractors, &mut listen, &stop)?
    } else {
        let prepared = (&series).with(representations::preparation());
        representations::extract(&prepared, &extractors, &mut listen, &stop)?
    };
    bar.finish();
    for (_, error) in &extracted.skipped {
        output::report(error);
        outcome = Outcome::Partial;
    }
    let parts: Vec<(&str, &FeatureTable)> = recipe
        .parts
        .iter()
        .copied()
        .zip(&extracted.tables)
        .collect();
    print(&representations::assemble(recipe, &parts)?, args.json);
    Ok(outcome)
}

fn print(table: &FeatureTable, json: bool) {
    if !json {
        let names: Vec<&str> = table.columns().iter().map(|name| &**name).collect();
        output::line(format_args!("id,{}", names.join(",")));
    }
    for (id, row) in table.ids().iter().zip(table.values().rows()) {
        if json {
            let features: serde_json::Map<String, serde_json::Value> = table
                .columns()
                .iter()
                .zip(row)
                .map(|(name, &value)| (name.to_string(), value.into()))
                .collect();
            output::line(serde_json::json!({ "id": &**id, "features": features }));
        } else {
            let values: Vec<String> = row.iter().map(ToString::to_string).collect();
            let id = if id.contains([',', '"']) {
                format!("\"{}\"", id.replace('"', "\"\""))
            } else {
                id.to_string()
            };
            output::line(format_args!("{id},{}", values.join(",")));
        }
    }
}
