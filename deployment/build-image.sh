#!/usr/bin/env bash
# Build the image of this checkout with podman, docker or buildah, whichever is there.
#
# usage: build-image.sh [options]
#
#   --tag NAME:TAG    what to call it (ragline:VERSION, the version of pyproject.toml)
#   --base IMAGE      build on this image, by its digest for example, or IMAGE_BASE
#   --ca FILE         check package downloads by these certificates, or IMAGE_CA; not kept in the image
#   --platform NAME   what to build for, as linux/amd64 (this machine)
#   --dry-run         show what would be done
#
# Status: 0 built, 1 not built, 2 wrong usage or something is missing.
set -euo pipefail
# shellcheck source=deployment/shell.sh
source "$(dirname "${BASH_SOURCE[0]}")/shell.sh"

NAME=
PLATFORM=()

main() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --tag) needs_value "$@" && NAME=$2 && shift ;;
      --base) needs_value "$@" && IMAGE_BASE=$2 && shift ;;
      --ca) needs_value "$@" && IMAGE_CA=$2 && shift ;;
      --platform) needs_value "$@" && PLATFORM=(--platform "$2") && shift ;;
      --dry-run) DRY_RUN=true ;;
      --help | -h) usage && exit 0 ;;
      *) unknown "$1" ;;
    esac
    shift
  done
  local tool
  tool=$(engine)
  NAME=${NAME:-ragline:$(version)}
  build_image "$tool" "$NAME" ${PLATFORM[@]+"${PLATFORM[@]}"} || die 1 "$tool could not build $NAME."
  conclude "Built $NAME."
}

main "$@"
