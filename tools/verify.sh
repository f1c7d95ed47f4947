#!/bin/sh
# Regenerates all that is generated and fails if that changed any file, whether committed yet or not: so it answers the same
# on a developer's dirty tree as in CI. It looks at every file, so no list of generated paths can be incomplete.
set -eu
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# One line a file: checksum, size and name. A file that is gone has none.
state() {
  git ls-files --cached --others --exclude-standard -z | sort -zu | xargs -0 cksum 2> /dev/null || true
}

state > "$scratch/before"
npm run --silent generate
state > "$scratch/after"

if ! diff "$scratch/before" "$scratch/after" > "$scratch/diff"; then
  echo 'verify: these generated files were not up to date (they are now):' >&2
  sed -n 's/^[<>] [0-9]* [0-9]* /  /p' "$scratch/diff" | sort -u >&2
  echo 'verify: run "make generate", look at the change, and commit it.' >&2
  exit 1
fi
echo 'verify: all that is generated is up to date'
