#!/usr/bin/env bash
# Bring a version of ragline to an environment: plan and apply the infrastructure, build and push the
# image, upgrade the release, ask whether it is healthy, and go back by itself when it is not.
#
# usage: deploy.sh --environment staging|production [options]
#
#   --environment NAME   or ENVIRONMENT
#   --tag TAG            the image's tag (git describe); one that is in the registry is not built again
#   --values FILE        further values of the chart, after all others; may be repeated
#   --skip-terraform     leave the infrastructure as it is
#   --timeout SECONDS    longest wait for the release (900)
#   --health SECONDS     longest wait for health (300)
#   --yes                do not ask
#   --dry-run            show what would be done; asks nobody, needs no account
#
# Reads: NAMESPACE, KUBERNETES_CLUSTER; SSL_CERTIFICATE, the Secret of the certificate (ragline-tls);
# TLS_ISSUER, cert-manager's issuer (letsencrypt; empty for a certificate of your own).
#
# Status: 0 deployed, 1 failed and the version before it serves again (or nothing was changed),
# 2 wrong usage or something is missing, 3 failed and could not go back.
set -euo pipefail
# shellcheck source=deployment/shell.sh
source "$(dirname "${BASH_SOURCE[0]}")/shell.sh"

TAG=
VALUES=()
SKIP_TERRAFORM=false
TIMEOUT=900
HEALTH=300

main() {
  read_options "$@"
  needs_environment
  [[ $DRY_RUN == true ]] || needs terraform aws kubectl helm curl git
  make_work
  [[ -n $TAG ]] || TAG=$(default_tag)
  use_terraform
  [[ $SKIP_TERRAFORM == true ]] || apply_terraform
  REGION=$(output region)
  REPOSITORY=$(output image_repository)
  output chart_values >"$WORK/installation.yaml"
  push_image "$TAG"
  refresh_secret
  release
}

read_options() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --environment) needs_value "$@" && ENVIRONMENT=$2 && shift ;;
      --tag) needs_value "$@" && TAG=$2 && shift ;;
      --values) needs_value "$@" && VALUES+=(--values "$2") && shift ;;
      --skip-terraform) SKIP_TERRAFORM=true ;;
      --timeout) needs_value "$@" && TIMEOUT=$2 && shift ;;
      --health) needs_value "$@" && HEALTH=$2 && shift ;;
      --yes) YES=true ;;
      --dry-run) DRY_RUN=true ;;
      --help | -h) usage && exit 0 ;;
      *) unknown "$1" ;;
    esac
    shift
  done
}

# RDS may have rotated the owner's password since external-secrets looked.
refresh_secret() {
  run "${KUBECTL[@]}" --namespace "$NAMESPACE" annotate externalsecret ragline \
    "force-sync=$(date +%s)" --overwrite
  run "${KUBECTL[@]}" --namespace "$NAMESPACE" wait externalsecret/ragline --for=condition=Ready --timeout=60s
}

release() {
  local before
  before=$(deployed_revision)
  if ! upgrade; then
    go_back "$before" "The release did not come up"
  elif ! is_healthy; then
    go_back "$before" "The release came up, but is not healthy"
  else
    conclude "Version $TAG serves at https://$(output domain)."
  fi
}

upgrade() {
  run "${HELM[@]}" upgrade "$RELEASE" "$ROOT/charts/ragline" --install --namespace "$NAMESPACE" \
    --values "$ROOT/charts/ragline/ci/$ENVIRONMENT-values.yaml" --values "$WORK/installation.yaml" \
    ${VALUES[@]+"${VALUES[@]}"} \
    --set-string "image.repository=$REPOSITORY" --set-string "image.tag=$TAG" \
    --set-string "ingress.tls.certificate=${SSL_CERTIFICATE:-ragline-tls}" \
    --set-string "ingress.tls.issuer=${TLS_ISSUER-letsencrypt}" \
    --history-max 10 --wait --timeout "${TIMEOUT}s"
}

is_healthy() {
  run "$ROOT/deployment/health-check.sh" --url "https://$(output domain)" --wait "$HEALTH"
}

go_back() { # REVISION REASON
  if [[ -z $1 ]]; then
    die 3 "$2, and there is no version before it to go back to. See: kubectl -n $NAMESPACE get events,pods"
  fi
  say "$2: going back to revision $1."
  "$ROOT/deployment/rollback.sh" --to "$1" --url "https://$(output domain)" --timeout "$TIMEOUT" --health "$HEALTH" --yes ||
    die 3 "Revision $1 could not be brought back either."
  die 1 "$2. Revision $1 serves again."
}

main "$@"
