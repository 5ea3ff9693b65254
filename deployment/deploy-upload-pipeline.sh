#!/usr/bin/env bash
# Bring a new image to what takes uploads in, and to nothing else: the gateways and the parser. Or,
# with --infrastructure, bring only their part of the infrastructure up to date: buckets and Kafka.
# They go back by themselves when they do not come up.
#
# usage: deploy-upload-pipeline.sh --environment staging|production [options]
#
#   --environment NAME   or ENVIRONMENT
#   --tag TAG            the image's tag (git describe); one that is in the registry is not built again
#   --infrastructure     Terraform's upload-pipeline.tf alone, no image
#   --timeout SECONDS    longest wait for each rollout (900)
#   --health SECONDS     longest wait for health (300)
#   --yes                do not ask
#   --dry-run            show what would be done; asks nobody, needs no account
#
# Reads: NAMESPACE, KUBERNETES_CLUSTER; GATEWAYS, where the release has several ("gateway").
#
# Status: 0 done, 1 failed and taken back, 2 wrong usage or something is missing, 3 could not be taken back.
set -euo pipefail
# shellcheck source=deployment/shell.sh
source "$(dirname "${BASH_SOURCE[0]}")/shell.sh"
# shellcheck source=deployment/part.sh
source "$(dirname "${BASH_SOURCE[0]}")/part.sh"

read -r -a COMPONENTS <<<"${GATEWAYS:-gateway} parser"
TARGETS=(
  aws_s3_bucket.main
  aws_s3_bucket_public_access_block.main
  aws_s3_bucket_ownership_controls.main
  aws_s3_bucket_server_side_encryption_configuration.main
  aws_s3_bucket_versioning.main
  aws_s3_bucket_lifecycle_configuration.main
  aws_s3_bucket_policy.main
  aws_s3_bucket_logging.documents
  aws_msk_configuration.main
  aws_msk_cluster.main
  aws_appautoscaling_target.kafka_storage
  aws_appautoscaling_policy.kafka_storage
)

deploy_part "$@"
