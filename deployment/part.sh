# shellcheck shell=bash
# shellcheck disable=SC2034  # shell.sh reads what is set here
# Bring a new image to some components only, and back when they do not come up. Sourced, never run.
# Its callers set COMPONENTS (Deployments without "ragline-") and TARGETS (Terraform's addresses).
#
# Components are independent: events carry their version, so a parser of tomorrow works with a chunker
# of today. The release of Helm still says the old image; the next deploy.sh brings all to one again.

TAG=
INFRASTRUCTURE=false
TIMEOUT=900
HEALTH=300

deploy_part() {
  read_part_options "$@"
  needs_environment
  [[ $DRY_RUN == true ]] || needs terraform aws kubectl curl git
  make_work
  use_terraform
  if [[ $INFRASTRUCTURE == true ]]; then
    apply_terraform
  else
    [[ -n $TAG ]] || TAG=$(default_tag)
    bring_image
  fi
}

read_part_options() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --environment) needs_value "$@" && ENVIRONMENT=$2 && shift ;;
      --tag) needs_value "$@" && TAG=$2 && shift ;;
      --infrastructure) INFRASTRUCTURE=true ;;
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

bring_image() {
  REGION=$(output region)
  REPOSITORY=$(output image_repository)
  push_image "$TAG"
  confirm "Give $REPOSITORY:$TAG to ${COMPONENTS[*]}?"
  if give_image && run "$ROOT/deployment/health-check.sh" --url "https://$(output domain)" --wait "$HEALTH"; then
    conclude "${COMPONENTS[*]} run $TAG."
  else
    take_back
  fi
}

give_image() {
  local component
  for component in "${COMPONENTS[@]}"; do
    run "${KUBECTL[@]}" --namespace "$NAMESPACE" set image "deployment/$RELEASE-$component" "$component=$REPOSITORY:$TAG" || return 1
  done
  for component in "${COMPONENTS[@]}"; do
    run "${KUBECTL[@]}" --namespace "$NAMESPACE" rollout status "deployment/$RELEASE-$component" --timeout "${TIMEOUT}s" || return 1
  done
}

# One Deployment at a time, each as it was; what had not begun to change says so and stays.
take_back() {
  local component failed=0
  say "${COMPONENTS[*]} do not serve with $TAG: taking it back."
  for component in "${COMPONENTS[@]}"; do
    "${KUBECTL[@]}" --namespace "$NAMESPACE" rollout undo "deployment/$RELEASE-$component" || failed=1
    "${KUBECTL[@]}" --namespace "$NAMESPACE" rollout status "deployment/$RELEASE-$component" --timeout "${TIMEOUT}s" || failed=1
  done
  [[ $failed == 0 ]] || die 3 "Not all could be taken back; deployment/rollback.sh brings a whole revision back."
  die 1 "${COMPONENTS[*]} run what they ran before."
}
