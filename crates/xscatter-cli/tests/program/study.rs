//! `xscatter study`: run, kill, resume, divide, merge, predict.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use xscatter::core::seed::derive;
use xscatter::study::Roles;

use crate::{text, xscatter};

/// Three classes that two columns of six tell apart, in groups of two rows; noise by whole numbers.
fn write_table(folder: &Path, name: &str, rows: u64, with_label: bool) {
    let mut table = String::from("id,scan");
    for column in 0..6 {
        write!(table, ",c{column}").unwrap();
    }
    table.push_str(if with_label { ",kind,bright\n" } else { "\n" });
    for row in 0..rows {
        let class = row / 2 % 3;
        write!(table, "frame {row},s{}", row / 2).unwrap();
        for column in 0..6 {
            let noise = (derive(row, column) % 1000) as f64 / 250.0 - 2.0;
            let centre = f64::from(u8::from(class == column)) * 3.0;
            write!(table, ",{:.3}", centre + noise).unwrap();
        }
        if with_label {
            let bright = ["1", "0", ""][(derive(row, 99) % 3) as usize];
            write!(table, ",k{class},{bright}").unwrap();
        }
        table.push('\n');
    }
    fs::write(folder.join(name), table).unwrap();
}

const FAMILIES: &str = "linear-discriminant,k-nearest-neighbours,gaussian-naive-bayes,extra-trees";

fn arguments<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let first = [
        "--table",
        "t.csv",
        "--label",
        "kind",
        "--group",
        "scan",
        "--ignore",
        "bright",
        "--families",
        FAMILIES,
        "--trials",
        "6",
        "--seed",
        "3",
        "--out",
        out,
    ];
    [&first[..], more].concat()
}

fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = xscatter(folder, arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The leaderboard without what differs from run to run.
fn board(folder: &Path, out: &str) -> serde_json::Value {
    let text = fs::read_to_string(folder.join(out).join("leaderboard.json")).unwrap();
    let mut board: serde_json::Value = serde_json::from_str(&text).unwrap();
    for entry in board["entries"].as_array_mut().unwrap() {
        entry.as_object_mut().unwrap().remove("times");
    }
    board
}

#[test]
fn a_study_runs_reports_and_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_table(folder, "t.csv", 120, true);
    write_table(folder, "new.csv", 9, false);
    let run = [&["study", "run"], &arguments("s", &["--json"])[..]].concat();
    let told: serde_json::Value = serde_json::from_str(&succeed(folder, &run)).unwrap();
    assert_eq!(told["complete"], true);
    assert!(
        told["ensemble"]["out_of_fold"].as_f64().unwrap() < 0.6,
        "{told}"
    );
    let page = fs::read_to_string(folder.join("s/report.html")).unwrap();
    assert!(page.contains("<svg") && page.ends_with("</html>\n"));
    let csv = succeed(folder, &["study", "leaderboard", "s", "--form", "csv"]);
    assert_eq!(
        csv,
        fs::read_to_string(folder.join("s/leaderboard.csv")).unwrap()
    );

    // A table again: a study can be studied.
    let board = Roles {
        ignore: ["representation", "family", "params", "status"]
            .map(Into::into)
            .into(),
        ..Roles::default()
    };
    let columns = board
        .read_features(&folder.join("s/leaderboard.parquet"))
        .unwrap();
    assert_eq!(columns.n_rows(), csv.lines().count() - 1);
    assert_eq!(columns.values()[[2, 0]], 3.0);
    // New rows have no labels.
    let printed = succeed(folder, &["study", "predict", "s", "--table", "new.csv"]);
    succeed(
        folder,
        &["study", "predict", "s", "--table", "new.csv", "-o", "p.csv"],
    );
    assert_eq!(printed, fs::read_to_string(folder.join("p.csv")).unwrap());
    let lines: Vec<Vec<&str>> = printed
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(lines[0], ["id", "k0", "k1", "k2"]);
    assert_eq!(lines.len(), 10);
    for line in &lines[1..] {
        let sum: f64 = line[1..]
            .iter()
            .map(|cell| cell.parse::<f64>().unwrap())
            .sum();
        assert!((sum - 1.0).abs() < 1e-5, "{line:?}");
    }
    // The same study again makes nothing twice; another one is refused.
    let again = xscatter(folder, &run);
    assert!(again.status.success());
    let other = [&["study", "run"], &arguments("s", &["--folds", "3"])[..]].concat();
    let output = xscatter(folder, &other);
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains("another study"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn units_in_two_processes_give_the_same_board_as_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_table(folder, "t.csv", 120, true);
    succeed(
        folder,
        &[&["study", "run"], &arguments("whole", &[])[..]].concat(),
    );
    let plan = [
        &["study", "plan"],
        &arguments("parts", &["--units", "2", "--json"])[..],
    ]
    .concat();
    assert!(succeed(folder, &plan).contains("\"units\":2"));
    let first = succeed(folder, &["study", "merge", "parts"]);
    assert!(first.contains("0 trials"), "{first}");
    let mut children: Vec<_> = ["0", "1"]
        .map(|unit| {
            Command::new(env!("CARGO_BIN_EXE_xscatter"))
                .args(["study", "run-unit", "parts", unit])
                .current_dir(folder)
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .into();
    assert!(
        children
            .iter_mut()
            .all(|child| child.wait().unwrap().success())
    );
    succeed(folder, &["study", "merge", "parts"]);
    assert_eq!(board(folder, "parts"), board(folder, "whole"));
    let models =
        ["parts", "whole"].map(|out| fs::read(folder.join(out).join("model.xsm")).unwrap());
    assert_eq!(models[0], models[1]);
    let output = xscatter(folder, &["study", "run-unit", "parts", "2"]);
    assert!(
        text(&output.stderr).contains("expected a unit below 2"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_hundred_kills_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_table(folder, "t.csv", 120, true);
    let more = ["--trials", "40", "--patience", "1000"];
    let with = |out| {
        let mut all = arguments(out, &[]);
        let place = all.iter().position(|word| *word == "--trials").unwrap();
        all.drain(place..place + 2);
        all.extend(more);
        [&["study", "run"], &all[..]].concat()
    };
    succeed(folder, &with("whole"));

    let lines = || -> usize {
        let Ok(files) = fs::read_dir(folder.join("killed/journal")) else {
            return 0;
        };
        let read = |file: fs::DirEntry| fs::read_to_string(file.path()).unwrap();
        let whole = |text: String| text.matches('\n').count().saturating_sub(1);
        files.map(|file| whole(read(file.unwrap()))).sum()
    };
    let mut kills = 0;
    let mut known = 0;
    while kills < 100 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_xscatter"))
            .args(with("killed"))
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From before the first trial to after some of them.
        std::thread::sleep(Duration::from_millis(5 + derive(7, kills) % 70));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = lines();
        assert!(
            now >= known,
            "kill {kills}: {now} trials are left of {known}"
        );
        known = now;
        kills += 1;
    }
    succeed(folder, &with("killed"));
    assert_eq!(board(folder, "killed"), board(folder, "whole"));
}

#[test]
fn tags_are_studied_and_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_table(folder, "t.csv", 120, true);
    let run = [
        "study",
        "run",
        "--table",
        "t.csv",
        "--tag",
        "bright",
        "--ignore",
        "kind",
        "--group",
        "scan",
        "--families",
        "linear-discriminant,kernel-svm",
        "--trials",
        "2",
        "--folds",
        "3",
        "--out",
        "s",
    ];
    succeed(folder, &run);
    let printed = succeed(folder, &["study", "predict", "s", "--table", "t.csv"]);
    assert!(printed.starts_with("id,bright\n"), "{printed}");
    assert_eq!(printed.lines().count(), 121);
}

#[test]
fn what_cannot_be_studied_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_table(folder, "t.csv", 30, true);
    let complaint = |arguments: &[&str]| {
        let output = xscatter(folder, arguments);
        assert!(!output.status.success(), "{}", text(&output.stdout));
        text(&output.stderr)
    };
    let run = |more: &[&'static str]| {
        let first = ["study", "run", "--table", "t.csv", "--out", "s"];
        [&first[..], more].concat()
    };
    let message = complaint(&run(&["--label", "technique"]));
    assert!(
        message.contains("\"technique\"") && message.contains("t.csv"),
        "{message}"
    );
    let message = complaint(&run(&["--label", "kind", "--families", "perceptron"]));
    assert!(message.contains("kernel-svm"), "{message}");
    let message = complaint(&run(&[
        "--label",
        "kind",
        "--group",
        "scan",
        "--ignore",
        "bright",
        "--rank-by",
        "luck",
    ]));
    assert!(message.contains("log-loss"), "{message}");
    let message = complaint(&["study", "predict", "nowhere", "--table", "t.csv"]);
    assert!(
        message.contains("expected the folder of a study"),
        "{message}"
    );
    let message = complaint(&run(&["--label", "kind"]));
    assert!(
        message.contains("column scan") && message.contains("expected a number"),
        "{message}"
    );
    assert!(!folder.join("s").exists());
}
