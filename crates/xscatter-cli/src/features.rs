//! `xscatter features`: one CSV row of features a frame.

use std::path::PathBuf;

use xscatter::progress::Progress;
use xscatter::representations;
use xscatter::{Error, ErrorKind, FeatureTable, Frame, FrameSource as _, Result, StopToken, io};

use crate::Outcome;
use crate::output::{self, Bar};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Detector files and folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Which representation: histogram, glcm, radial-profile, layout, azimuthal or image (from the image
    /// alone), calibrated-shape or calibrated (with the geometry of the file's header).
    #[arg(long, default_value = "image")]
    representation: String,
    /// One JSON object a frame instead of CSV.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let recipe = representations::by_name(&args.representation)
        .map_err(|error| error.at("--representation"))?;
    if recipe.needs_network() {
        let message = "expected a representation that needs no trained network";
        return Err(Error::new(ErrorKind::InvalidArgument, message).at("--representation"));
    }
    let series = io::open_series(&args.paths);
    let mut outcome = output::report_skipped(series.skipped(), &args.paths);
    if series.is_empty() {
        return Err(Error::new(
            ErrorKind::DegenerateData,
            "expected detector files, found none",
        ));
    }
    let mut bar = Bar::new();
    bar.show(Progress::Stage {
        name: "describing".into(),
        total: series.len(),
    });
    let cleaned = (&series).with(representations::cleaning());
    let describe =
        |frames: &[Frame]| representations::describe(frames, recipe.header, recipe.parts, None);
    let mut listen = |step| bar.show(step);
    let extracted = representations::extract(&cleaned, describe, &mut listen, &StopToken::new())?;
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
