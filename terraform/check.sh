#!/usr/bin/env bash
# Check the Terraform files: format, validity, tests; and tflint and checkov where they are installed.
# It runs on a copy and changes nothing. Needs terraform 1.9 or newer and its providers: from their
# registry, or without network from a mirror that TF_CLI_CONFIG_FILE names (a CLI configuration with
# provider_installation). No AWS account is asked.
#
# usage: check.sh [--help]
#
# Status: 0 all is well, 1 a check failed, 2 something that it needs is missing.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf '%s\n' "$*" >&2; }

main() {
  if [[ ${1:-} == --help ]]; then
    sed -n '2,/^[^#]/{/^#/!d; s/^# \{0,1\}//; p}' "$0"
    return
  fi
  command -v terraform >/dev/null || { say "terraform is not installed: these checks need 1.9 or newer."; exit 2; }
  terraform fmt -check -recursive -diff "$HERE"
  copy
  get_providers
  terraform validate
  terraform test
  judge tflint tflint --chdir "$COPY"
  judge checkov checkov --directory "$HERE" --framework terraform --quiet --compact --skip-download \
    --var-file "$HERE/environments/medium.tfvars"
}

# A folder of its own: a lock file of other hashes must not get in the way of yours.
copy() {
  COPY=$(mktemp -d)
  trap 'rm -rf "$COPY"' EXIT
  cp -R "$HERE/." "$COPY"
  rm -rf "$COPY/.terraform" "$COPY/.terraform.lock.hcl"
  cd "$COPY"
}

get_providers() {
  terraform init -backend=false -input=false >"$COPY/init.log" 2>&1 && return
  cat "$COPY/init.log" >&2
  say "Terraform did not get its providers. Without network, set TF_CLI_CONFIG_FILE to a configuration"
  say "whose provider_installation names a mirror with the versions that terraform/main.tf asks for."
  exit 2
}

judge() { # NAME COMMAND…
  local name=$1
  shift
  if command -v "$name" >/dev/null; then
    "$@"
    say "$name has nothing to say."
  else
    say "$name is not installed: not asked."
  fi
}

main "$@"
