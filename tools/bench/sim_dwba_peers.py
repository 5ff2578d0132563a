"""Times the distorted-wave Born approximation against BornAgain: the same scenes and pixels, by turns.

    python tools/bench/sim_dwba_peers.py

Runs in the environment of tools/reference/requirements-bornagain.txt (`make_env.sh --bornagain`). Builds the
example `dwba_times` of xscatter-sim and runs both programs by turns on 256 x 256 pixels, each scene several
times a round, on one thread each and on two threads each. What is printed is the shortest time of each, and
theirs over ours, as a table in Markdown.
"""

import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "golden"))

from sim_dwba_bornagain import SCENES, simulate  # noqa: E402

BINS, ROUNDS, READS = 256, 4, 5


def main():
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "xscatter-sim", "--example", "dwba_times"], cwd=ROOT, check=True)
    metadata = subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT, check=True, capture_output=True)
    program = pathlib.Path(json.loads(metadata.stdout)["target_directory"]) / "release" / "examples" / "dwba_times"
    best = {}
    for _ in range(ROUNDS):
        for threads in (1, 2):
            printed = subprocess.run([program, str(BINS), str(READS), str(threads)], check=True, capture_output=True).stdout
            for name, seconds in json.loads(printed).items():
                ours, theirs = best.setdefault((name, threads), ([], []))
                ours += seconds
                for _ in range(READS):
                    simulation = simulate(SCENES[name], BINS, threads)
                    start = time.perf_counter()
                    simulation.simulate()
                    theirs.append(time.perf_counter() - start)
    print("| scene | threads | BornAgain, ms | ours, ms | ratio |")
    print("|---|---:|---:|---:|---:|")
    for (name, threads), (ours, theirs) in best.items():
        print(f"| {name} | {threads} | {1e3 * min(theirs):.1f} | {1e3 * min(ours):.2f} | {min(theirs) / min(ours):.1f} |")


if __name__ == "__main__":
    main()
