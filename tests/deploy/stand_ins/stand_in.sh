#!/usr/bin/env bash
# Stands in for terraform, aws, kubectl, helm and others, in tests alone: it writes down how it was
# called and what came in, and answers as the test said. It does nothing else.
#
# RECORD has a line per call; RECORD.stdin what came in. REPLIES has lines of four fields, separated
# by "|": a pattern of the call, the status, the output, and a pattern that must already be in RECORD.
set -euo pipefail

call="$(basename "$0") $*"
input=$(cat)
known=$(cat "$RECORD" 2>/dev/null || true)
printf '%s\n' "${call//$'\n'/ }" >>"$RECORD"
[[ -z $input ]] || printf '# %s\n%s\n' "$call" "$input" >>"$RECORD.stdin"
while IFS='|' read -r pattern status text after; do
  # shellcheck disable=SC2053  # patterns are what both are
  if [[ $call == $pattern && (-z $after || $known == *$after*) ]]; then
    printf '%b' "$text"
    exit "$status"
  fi
done <"$REPLIES"
