#!/usr/bin/env bash
# Bring an earlier revision of the release back, and ask whether it is healthy. The database stays as
# it is: a version runs on the schema of the one after it (docs/how-to/upgrade-and-roll-back.md).
#
# usage: rollback.sh [options]
#
#   --to REVISION      which one (the one before the current); `helm history ragline` lists them
#   --url URL          where to ask for health (https://INGRESS_DOMAIN)
#   --timeout SECONDS  longest wait for the release (900)
#   --health SECONDS   longest wait for health (300)
#   --yes              do not ask
#   --dry-run          show what would be done
#
# Reads: NAMESPACE, KUBERNETES_CLUSTER, INGRESS_DOMAIN.
#
# Status: 0 it serves again, 1 it does not, 2 wrong usage or something is missing.
set -euo pipefail
# shellcheck source=deployment/shell.sh
source "$(dirname "${BASH_SOURCE[0]}")/shell.sh"

TO=0 # helm's word for the one before
URL=${INGRESS_DOMAIN:+https://$INGRESS_DOMAIN}
TIMEOUT=900
HEALTH=300

main() {
  read_options "$@"
  [[ $TO =~ ^[0-9]+$ ]] || die 2 "--to $TO is not the number of a revision."
  [[ -n $URL ]] || die 2 "Where is it? Set INGRESS_DOMAIN, or --url."
  if [[ $DRY_RUN == false ]]; then
    needs helm curl
    "${HELM[@]}" history "$RELEASE" --namespace "$NAMESPACE" --max 10 >&2 ||
      die 1 "There is no release $RELEASE in the namespace $NAMESPACE."
  fi
  confirm "Go back to $([[ $TO == 0 ]] && echo 'the revision before' || echo "revision $TO")?"
  run "${HELM[@]}" rollback "$RELEASE" "$TO" --namespace "$NAMESPACE" --wait --timeout "${TIMEOUT}s" ||
    die 1 "Helm could not go back; the pods say why: kubectl -n $NAMESPACE get events,pods"
  run "$ROOT/deployment/health-check.sh" --url "$URL" --wait "$HEALTH" ||
    die 1 "The earlier revision is not healthy either."
  conclude "The earlier revision serves."
}

read_options() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --to) needs_value "$@" && TO=$2 && shift ;;
      --url) needs_value "$@" && URL=$2 && shift ;;
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

main "$@"
