"""Compares features of simulated frames with what is true of them.

Usage: python tools/check/features_truth.py TABLE.parquet FOLDER

FOLDER is what `xscatter simulate --preset bnl-tags-17 --format h5 -o FOLDER` wrote, TABLE what
`xscatter features FOLDER --set all -o TABLE.parquet` made of it. Prints how well single features tell tags
apart (the area under the ROC curve; 0.5 is chance), how near the fitted peaks are to q*, and how often a
reflection is found in frames that have none. Needs pandas and pyarrow beside the pinned environment.
"""

import json
import pathlib
import sys

import numpy
import pandas

PAIRS = [
    ("beamstop.circular", "Circular Beamstop"),
    ("beamstop.linear", "Linear beamstop"),
    ("beamstop.wedge", "Wedge beamstop"),
    ("lattices.posterior.body-centred-cubic", "BCC"),
    ("lattices.posterior.face-centred-cubic", "FCC"),
    ("peaks.count", "Many rings"),
    ("peaks.count", "Higher orders"),
]


def area_under_curve(score, tag):
    known = score.notna().to_numpy() & tag.isin([0, 1]).to_numpy()
    truth = tag.to_numpy()[known].astype(bool)
    ranks = pandas.Series(score.to_numpy()[known]).rank().to_numpy()
    positives, negatives = truth.sum(), (~truth).sum()
    return (ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives), positives, negatives


def main(table_path, folder):
    folder = pathlib.Path(folder)
    table = pandas.read_parquet(table_path)
    labels = pandas.read_csv(folder / "labels.csv")
    labels.index = labels.path + "#" + labels.frame.astype(str)
    ids = table.id.str.replace(r".*/", "", regex=True)
    order = ids.where(ids.isin(labels.index), ids + "#0")
    places = pandas.Series(range(len(labels)), labels.index)[order].to_numpy()
    labels = labels.loc[order].reset_index(drop=True)
    lines = (folder / "truth.jsonl").read_text().splitlines()
    truths = [json.loads(lines[place]) for place in places]
    print("| feature | tag | area under the curve | with | without |\n|---|---|---|---|---|")
    for feature, tag in PAIRS:
        area, positives, negatives = area_under_curve(table[feature], labels[tag])
        print(f"| `{feature}` | {tag} | {area:.3f} | {positives} | {negatives} |")
    peaks = table[[name for name in table if name.startswith("peaks.q.") and not name.endswith(".sigma")]].to_numpy()
    deviations = []
    for row, truth in enumerate(truths):
        q_star = truth["values"].get("q_star_inv_nm")
        if q_star is None or labels.Ring[row] != 1:
            continue
        near = numpy.abs(peaks[row] / q_star - 1)
        deviations.append(numpy.nanmin(near) if not numpy.isnan(near).all() else numpy.inf)
    deviations = numpy.array(deviations)
    found = (deviations < 0.03).mean()
    close = numpy.median(deviations[deviations < 0.03])
    print(f"\nframes with a ring: {len(deviations)}; a peak within 3 % of q*: {found:.3f}, of those half within {close:.4f}")
    for name in ["reflection.horizon.place", "reflection.yoneda.height", "reflection.specular.height"]:
        print(f"{name}: found in {table[name].notna().mean():.3f} of {len(table)} frames in transmission")


if __name__ == "__main__":
    main(*sys.argv[1:])
