//! `xscatter simulate`: an archive of the four techniques as detector files.

use std::path::PathBuf;

use xscatter::archive::{self, ArchiveConfig, Part};
use xscatter::{Result, StopToken};

use crate::Outcome;
use crate::output::{self, Bar};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder to write into; a run that was killed goes on where it stopped.
    folder: PathBuf,
    /// The seed of everything that is drawn.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// A JSON file with the distributions to draw from, as `archive.json` in a written archive.
    #[arg(long)]
    config: Option<PathBuf>,
    /// One JSON object on standard output when done.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let config = match &args.config {
        Some(path) => ArchiveConfig::read(path)?,
        None => ArchiveConfig::small(args.seed),
    };
    let mut bar = Bar::new();
    archive::simulate(
        &config,
        &args.folder,
        &mut |step| bar.show(step),
        &StopToken::new(),
    )?;
    bar.finish();
    for part in Part::ALL {
        let frames = config.n_frames(part);
        let folder = args.folder.join(part.folder());
        if args.json {
            let object = serde_json::json!({
                "part": part.folder(), "frames": frames, "folder": folder.display().to_string(),
            });
            output::line(object);
        } else {
            output::line(format_args!("{frames:>6} frames in {}", folder.display()));
        }
    }
    Ok(Outcome::Complete)
}
