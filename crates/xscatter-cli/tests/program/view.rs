//! `xscatter view`: which pictures appear, under which names, with which pixels.

use super::*;

/// Width, height and RGB of a picture.
fn picture(path: &Path) -> (usize, usize, Vec<u8>) {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut decoder = png::Decoder::new(file);
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    data.truncate(info.buffer_size());
    (info.width as usize, info.height as usize, data)
}

fn view(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = xscatter(folder, &[&["view"], arguments].concat());
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn a_picture_is_named_after_its_file_and_never_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    write_frame(folder.path(), "a.cbf");
    let (code, stdout, stderr) = view(folder.path(), &["a.cbf"]);
    assert_eq!((code, stdout.trim()), (Some(0), "a.png"), "{stderr}");
    let (width, height, _) = picture(&folder.path().join("a.png"));
    // 60 x 80 pixels enlarged twelve times, and what stands around them.
    assert!((960..1300).contains(&width) && (720..1000).contains(&height));
    let (code, stdout, stderr) = view(folder.path(), &["a.cbf"]);
    assert_eq!((code, &*stdout), (Some(1), ""));
    assert!(stderr.contains("a.png: this picture exists"), "{stderr}");
    for arguments in [&["a.cbf", "--overwrite"][..], &["a.cbf", "-o", "a.png"]] {
        assert_eq!(view(folder.path(), arguments).0, Some(0));
    }
    assert_eq!(names(folder.path()), ["a.cbf", "a.png"]);
}

#[test]
fn the_bare_picture_has_the_pixels_of_the_frame() {
    let folder = tempfile::tempdir().unwrap();
    write_frame(folder.path(), "a.cbf");
    for map in ["inferno", "viridis", "magma", "grey"] {
        let arguments = ["a.cbf", "-o", "a.png", "--no-annotations", "--map", map];
        assert_eq!(view(folder.path(), &arguments).0, Some(0));
        let (width, height, data) = picture(&folder.path().join("a.png"));
        assert_eq!((width, height), (80, 60));
        let pixel = |row: usize, column: usize| &data[(row * 80 + column) * 3..][..3];
        // The masked pixel is read back as bad.
        assert_eq!(pixel(3, 4), [0, 200, 255]);
        assert_ne!(pixel(0, 0), pixel(3, 4));
        assert_eq!(pixel(0, 0), pixel(59, 79));
    }
}

#[test]
fn frames_of_one_file_are_numbered_summed_or_chosen() {
    let folder = tempfile::tempdir().unwrap();
    write_series(folder.path(), "s.edf", 3);
    let at = folder.path();
    assert_eq!(view(at, &["s.edf", "--all"]).0, Some(0));
    assert_eq!(
        view(at, &["s.edf", "--all", "-o", "{name}-{frame}.png"]).0,
        Some(0)
    );
    assert_eq!(
        view(at, &["s.edf", "--frame", "2", "-o", "two.png"]).0,
        Some(0)
    );
    assert_eq!(view(at, &["s.edf", "--sum", "-o", "sum.png"]).0, Some(0));
    assert_eq!(view(at, &["s.edf", "--max", "-o", "new/"]).0, Some(0));
    let expected = [
        "new/s.png",
        "s-00000.png",
        "s-00001.png",
        "s-00002.png",
        "s.edf",
        "s_00000.png",
        "s_00001.png",
        "s_00002.png",
        "sum.png",
        "two.png",
    ];
    assert_eq!(names(at), expected);
    let bare = |arguments: &[&str]| {
        let common = [
            "s.edf",
            "-o",
            "bare.png",
            "--no-annotations",
            "--range",
            "0.1",
            "3",
        ];
        assert_eq!(view(at, &[&common, arguments].concat()).0, Some(0));
        picture(&at.join("bare.png")).2
    };
    // 0 + 1 + 2 = 3 counts, at the upper limit; the maximum is 2.
    assert_eq!(bare(&["--max"]), bare(&["--frame", "2"]));
    assert_ne!(bare(&["--sum"]), bare(&["--max"]));
    let (code, _, stderr) = view(at, &["s.edf", "--frame", "3", "-o", "x.png"]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("s.edf") && stderr.contains("below 3"),
        "{stderr}"
    );
    assert!(!at.join("x.png").exists());
}

#[test]
fn what_cannot_be_drawn_is_said_and_the_others_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_frame(at, "a.cbf");
    let cut = write_frame(at, "b.cbf");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 4500]).unwrap();
    write_frame(at, "c.cbf");
    std::fs::write(at.join("notes.txt"), "sample 7").unwrap();
    let (code, stdout, stderr) = view(at, &["a.cbf", "b.cbf", "c.cbf", "notes.txt", "-o", "p/"]);
    assert_eq!(code, Some(1));
    assert_eq!(stdout.lines().count(), 2, "{stdout}");
    assert!(
        stderr.contains("b.cbf") && stderr.contains("notes.txt"),
        "{stderr}"
    );
    for (arguments, expected) in [
        (&["a.cbf", "--range", "5", "1"][..], "--range"),
        (&["a.cbf", "--range", "-5", "0"], "above 0"),
        (&["a.cbf", "--percentiles", "0", "101"], "0 to 100"),
        (&["a.cbf", "-o", "a.jpg"], ".png"),
        (&["a.cbf", "c.cbf", "-o", "one.png"], "{name}"),
    ] {
        let (code, _, stderr) = view(at, arguments);
        assert_eq!(code, Some(1), "{arguments:?}");
        assert!(stderr.contains(expected), "{stderr}");
    }
    assert_eq!(
        names(at),
        ["a.cbf", "b.cbf", "c.cbf", "notes.txt", "p/a.png", "p/c.png"]
    );
}

#[test]
fn a_file_of_curves_is_plotted() {
    let folder = tempfile::tempdir().unwrap();
    let rows = (1..50).map(|n| format!("{} {} 0.1\n", f64::from(n) * 0.1, 9.0 / f64::from(n)));
    let columns: String = rows.collect();
    std::fs::write(
        folder.path().join("c.dat"),
        format!("# q_nm^-1 I sigma\n{columns}"),
    )
    .unwrap();
    let (code, stdout, stderr) = view(folder.path(), &["c.dat"]);
    assert_eq!((code, stdout.trim()), (Some(0), "c.png"), "{stderr}");
    assert_eq!(picture(&folder.path().join("c.png")).0, 1000);
}

#[test]
fn profiles_are_drawn_beside_their_files() {
    let folder = tempfile::tempdir().unwrap();
    write_frame(folder.path(), "a.cbf");
    let arguments = [
        "integrate",
        "a.cbf",
        "--out",
        "out",
        "--plot",
        "--bins",
        "20",
    ];
    let output = xscatter(folder.path(), &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found = names(folder.path());
    assert_eq!(
        found,
        ["a.cbf", "out/00000_a_00000.dat", "out/00000_a_00000.png"]
    );
    assert_eq!(picture(&folder.path().join(&found[2])).0, 1000);
}
