#!/usr/bin/env bash
# Install the project with the lowest or the highest versions that pyproject.toml allows, in a fresh virtual
# environment, and run a smoke suite and a selection of the tests there. torch needs 5 GB of disk and some minutes.
#
#   scripts/check_versions.sh lowest [PYTHON]      PYTHON: an interpreter or a version, 3.11 by default
#   scripts/check_versions.sh highest [PYTHON]     3.13 by default
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  lowest) resolution=lowest-direct python="${2:-3.11}" ;;
  highest) resolution=highest python="${2:-3.13}" ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
export BENCHMARK_CACHE="$scratch/cache" UV_CACHE_DIR="${UV_CACHE_DIR:-$scratch/uv}"
unset BENCHMARK_DATA PYTHONPATH

python3 -m venv "$scratch/tools"
"$scratch/tools/bin/pip" install --quiet uv
uv="$scratch/tools/bin/uv"
"$uv" venv --quiet --python "$python" "$scratch/venv"
export VIRTUAL_ENV="$scratch/venv" PATH="$scratch/venv/bin:$PATH"
# Not editable, so that the tests see what a user gets, packaged files included; a copy, because the build leaves files.
mkdir "$scratch/source"
cp -r benchmark modalities pyproject.toml README.md LICENSE "$scratch/source"
"$uv" pip install --quiet --resolution "$resolution" "$scratch/source[test]"

python --version
"$uv" pip list
benchmark doctor --results "$scratch/results"
benchmark run --target digits,fsdd,hmdb51 profile=smoke --results "$scratch/results"
# An installed copy has no commit, so the test of this checkout's commit is left out.
pytest tests/benchmark/{cli/test_app,config/test_compose,launch/test_cluster}.py tests/benchmark/records \
  tests/benchmark/leaderboard/test_{formats,table}.py \
  tests/modalities/{audio/test_files,image/test_items,video/test_clips}.py \
  tests/modalities/{download,storage} tests/resilience/test_two_runs.py \
  --deselect tests/benchmark/records/test_provenance.py::test_provenance_names_this_checkouts_commit
echo "works with the $1 versions on $(python --version)"
