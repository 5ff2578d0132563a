#!/usr/bin/env bash
# A study over many machines: an array of Slurm jobs, each of which works through its share of the units.
#
#   xscatter study plan --table T.csv --label technique --trials 30 --out study --units 64
#   sbatch --array=0-7 tools/slurm/study_array.sh study
#   xscatter study merge study        # when all are done; before that it shows what is known
#
# A unit that was killed or requeued is simply run again: what its journal holds is not made twice. Jobs
# run some minutes to hours each, since a job costs the scheduler about a second. HyperQueue takes the same
# command: `hq submit --array 0-63 xscatter study run-unit study '$HQ_TASK_ID'`.
#SBATCH --job-name=xscatter-study
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=02:00:00
#SBATCH --requeue
set -euo pipefail
study=${1:?usage: sbatch --array=0-N study_array.sh STUDY_FOLDER}
job=${SLURM_ARRAY_TASK_ID:-${PBS_ARRAY_INDEX:-0}}
jobs=${SLURM_ARRAY_TASK_COUNT:-1}
units=$(sed -n 's/^ *"units": \([0-9]*\).*/\1/p' "$study/study.json")
export RAYON_NUM_THREADS=${SLURM_CPUS_PER_TASK:-2}
for ((unit = job; unit < units; unit += jobs)); do
    xscatter study run-unit "$study" "$unit"
done
