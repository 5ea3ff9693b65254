# shellcheck shell=bash
# What the scripts beside this file share: words, dry runs, and where the installation is.
# Sourced, never run. Settings of the environment that all of them know:
#   NAMESPACE            namespace of the release (ragline)
#   KUBERNETES_CLUSTER   context of kubectl and helm (the current one)
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
NAMESPACE=${NAMESPACE:-ragline}
RELEASE=ragline # the roles of the pods are bound to the names that follow from it
DRY_RUN=false
YES=false
WORK=

KUBECTL=(kubectl)
HELM=(helm)
if [[ -n ${KUBERNETES_CLUSTER:-} ]]; then
  KUBECTL+=(--context "$KUBERNETES_CLUSTER")
  HELM+=(--kube-context "$KUBERNETES_CLUSTER")
fi

# --- words
say() { printf '%s\n' "$*" >&2; }

# What is true now; a dry run changed nothing, so it does not say it.
conclude() { [[ $DRY_RUN == true ]] || say "$@"; }

# die STATUS SENTENCE
die() {
  local status=$1
  shift
  say "$(basename "$0"): $*"
  exit "$status"
}

# The comment at the top of the script, without its marks.
usage() { sed -n '2,/^[^#]/{/^#/!d; s/^# \{0,1\}//; p}' "$0"; }

# The value of an option: needs_value --option "$@" of the option's place
needs_value() { [[ $# -ge 2 && -n $2 ]] || die 2 "$1 needs a value; see --help."; }

unknown() { die 2 "I do not know $1; see --help."; }

confirm() {
  [[ $YES == true || $DRY_RUN == true ]] && return
  [[ -t 0 ]] || die 2 "There is no terminal to ask on: add --yes to agree to: $1"
  local answer
  read -r -p "$1 [y/N] " answer
  [[ $answer == [yY]* ]] || die 1 "Stopped; nothing more was changed."
}

# --- what is needed
needs() {
  local tool missing=()
  for tool in "$@"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [[ ${#missing[@]} -eq 0 ]] || die 2 "Not installed: ${missing[*]}."
}

needs_environment() {
  case ${ENVIRONMENT:-} in
    staging | production) ;;
    '') die 2 "Which one? Set ENVIRONMENT, or --environment staging or production." ;;
    *) die 2 "ENVIRONMENT=$ENVIRONMENT is neither staging nor production." ;;
  esac
}

# A folder that is removed at the end.
make_work() {
  WORK=$(mktemp -d)
  trap 'rm -rf "$WORK"' EXIT
}

# --- doing
# Run a command that changes something; a dry run shows it.
run() {
  if [[ $DRY_RUN == true ]]; then
    printf '+'
    printf ' %q' "$@"
    printf '\n'
  else
    "$@"
  fi
}

# The same with standard input, which a dry run shows, too: nothing secret may be in it.
run_with_input() {
  if [[ $DRY_RUN == true ]]; then
    run "$@"
    sed 's/^/    /'
  else
    "$@"
  fi
}

# --- where everything is
use_terraform() {
  local backend="$ROOT/terraform/backend-$ENVIRONMENT.hcl"
  if [[ $DRY_RUN == false && ! -f $backend ]]; then
    die 2 "terraform/backend-$ENVIRONMENT.hcl is missing: deployment/environment-setup.sh --state-bucket makes it."
  fi
  run terraform -chdir="$ROOT/terraform" init -input=false -reconfigure -backend-config="$backend"
}

# What Terraform says of the installation; a dry run asks nobody.
output() {
  if [[ $DRY_RUN == true ]]; then
    printf '<%s>' "$1"
  else
    terraform -chdir="$ROOT/terraform" output -raw "$1"
  fi
}

# Plan, ask, apply: all, or the addresses in TARGETS. Nothing is asked where nothing changes.
TARGETS=()
apply_terraform() {
  local plan="$WORK/plan" variables="$ROOT/terraform/$ENVIRONMENT.tfvars" status=0
  if [[ $DRY_RUN == false && ! -f $variables ]]; then
    die 2 "terraform/$ENVIRONMENT.tfvars is missing: copy one of terraform/environments, and add region and domain."
  fi
  run terraform -chdir="$ROOT/terraform" plan -input=false -detailed-exitcode -out="$plan" \
    -var-file="$variables" -var "environment=$ENVIRONMENT" ${TARGETS[@]+"${TARGETS[@]/#/-target=}"} || status=$?
  case $status in
    0) [[ $DRY_RUN == true ]] || { say "The infrastructure is as described."; return; } ;;
    2) ;;
    *) die 1 "Terraform could not plan; nothing was changed." ;;
  esac
  confirm "Apply this plan?"
  run terraform -chdir="$ROOT/terraform" apply -input=false "$plan"
}

# The revision of the release that serves now, empty before the first.
deployed_revision() {
  [[ $DRY_RUN == true ]] && return
  "${HELM[@]}" list --namespace "$NAMESPACE" --filter "^$RELEASE\$" --deployed --output yaml |
    sed -n 's/.*revision: *"\{0,1\}\([0-9][0-9]*\).*/\1/p'
}

# --- images
# podman, docker or buildah, whichever is there.
engine() {
  local tool
  for tool in podman docker buildah; do
    if command -v "$tool" >/dev/null; then
      printf '%s' "$tool"
      return
    fi
  done
  [[ $DRY_RUN == true ]] || die 2 "None of podman, docker and buildah is installed: one of them builds the image."
  printf 'podman'
}

# The tag of this checkout; a changed one has no name of its own, so it needs --tag.
default_tag() {
  local tag
  tag=$(git -C "$ROOT" describe --tags --always --dirty 2>/dev/null) || tag=
  [[ -n $tag && $tag != *-dirty ]] || die 2 "This checkout has changes of its own (or is none): name the image with --tag."
  printf '%s' "$tag"
}

# The version that this checkout becomes when it is released.
version() { sed -n 's/^version = "\(.*\)"$/\1/p' "$ROOT/pyproject.toml"; }

# The commit of this checkout, for the image's labels.
revision() { git -C "$ROOT" rev-parse HEAD 2>/dev/null || printf 'unknown'; }

# Build the Dockerfile. IMAGE_BASE is another base, IMAGE_CA a bundle of certificates for downloads.
build_image() { # TOOL NAME:TAG [ARGUMENT...]
  local tool=$1 name=$2
  shift 2
  local arguments=(--build-arg "VERSION=${name##*:}" --build-arg "REVISION=$(revision)")
  [[ -z ${IMAGE_BASE:-} ]] || arguments+=(--build-arg "BASE=$IMAGE_BASE")
  [[ -z ${IMAGE_CA:-} ]] || arguments+=(--secret "id=ca,src=$IMAGE_CA")
  run "$tool" build "${arguments[@]}" "$@" --tag "$name" "$ROOT"
}

is_pushed() { # TAG
  [[ $DRY_RUN == true ]] && return 1
  aws ecr describe-images --region "$REGION" --repository-name "${REPOSITORY##*/}" \
    --image-ids "imageTag=$1" >/dev/null 2>&1
}

log_in_to_registry() {
  local registry=${REPOSITORY%%/*}
  if [[ $DRY_RUN == true ]]; then
    printf '+ aws ecr get-login-password | %s login --username AWS --password-stdin %q\n' "$1" "$registry"
  else
    aws ecr get-login-password --region "$REGION" |
      "$1" login --username AWS --password-stdin "$registry" >&2
  fi
}

# Build and push REPOSITORY:TAG, unless it is there: tags are immutable.
push_image() { # TAG
  local tool
  if is_pushed "$1"; then
    say "The image $1 is in the registry."
    return
  fi
  tool=$(engine)
  build_image "$tool" "$REPOSITORY:$1" --platform linux/amd64 # what the nodes are
  log_in_to_registry "$tool"
  run "$tool" push "$REPOSITORY:$1"
}
