#!/usr/bin/env bash
# Bring a new image to what processes documents, and to nothing else: parser, chunker and embedder.
# Or, with --infrastructure, bring only their nodes up to date. They go back by themselves when they
# do not come up.
#
# usage: deploy-document-processing.sh --environment staging|production [options]
#
#   --environment NAME   or ENVIRONMENT
#   --tag TAG            the image's tag (git describe); one that is in the registry is not built again
#   --infrastructure     Terraform's document-processing.tf alone, no image
#   --timeout SECONDS    longest wait for each rollout (900)
#   --health SECONDS     longest wait for health (300)
#   --yes                do not ask
#   --dry-run            show what would be done; asks nobody, needs no account
#
# Reads: NAMESPACE, KUBERNETES_CLUSTER.
#
# Status: 0 done, 1 failed and taken back, 2 wrong usage or something is missing, 3 could not be taken back.
set -euo pipefail
# shellcheck source=deployment/shell.sh
source "$(dirname "${BASH_SOURCE[0]}")/shell.sh"
# shellcheck source=deployment/part.sh
source "$(dirname "${BASH_SOURCE[0]}")/part.sh"

COMPONENTS=(parser chunker embedder)
TARGETS=(aws_eks_node_group.processing aws_autoscaling_group_tag.processing)

deploy_part "$@"
