#!/usr/bin/env bash
# Prepare an environment: state of Terraform, infrastructure, secrets, and what the cluster holds
# before the first release. Safe to run again: what is there stays, secrets are never replaced
# unless you ask for it.
#
# usage: environment-setup.sh --environment staging|production [options]
#
#   --environment NAME        or ENVIRONMENT
#   --state-bucket NAME       make this bucket for Terraform's state and remember it
#   --skip-terraform          the infrastructure is there: secrets and cluster only
#   --replace-provider-keys   write the providers' keys of this environment over the kept ones
#   --yes                     do not ask
#   --dry-run                 show what would be done; asks nobody, needs no account
#
# Reads: LLAMAPARSE_API_KEY, OPENAI_API_KEY, ANTHROPIC_API_KEY (kept in Secrets Manager, and never in
# a state file, a plan or an argument), AWS_REGION with --state-bucket, NAMESPACE.
# Region, domain and sizes stand in terraform/ENVIRONMENT.tfvars.
#
# Status: 0 done, 1 failed, 2 wrong usage or something is missing.
set -euo pipefail
# shellcheck source=deployment/shell.sh
source "$(dirname "${BASH_SOURCE[0]}")/shell.sh"

STATE_BUCKET=
SKIP_TERRAFORM=false
REPLACE_KEYS=false

main() {
  read_options "$@"
  needs_environment
  if [[ $DRY_RUN == false ]]; then
    needs terraform aws kubectl helm openssl curl
    aws sts get-caller-identity >/dev/null || die 2 "AWS does not know you: log in first."
  fi
  make_work
  [[ -z $STATE_BUCKET ]] || make_state_bucket
  use_terraform
  [[ $SKIP_TERRAFORM == true ]] || apply_terraform
  REGION=$(output region)
  fill_secrets
  let_kafka_in
  protect_cache
  prepare_cluster
  conclude "Ready. Next: deployment/ssl-certificate-setup.sh, then deployment/deploy.sh."
}

read_options() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --environment) needs_value "$@" && ENVIRONMENT=$2 && shift ;;
      --state-bucket) needs_value "$@" && STATE_BUCKET=$2 && shift ;;
      --skip-terraform) SKIP_TERRAFORM=true ;;
      --replace-provider-keys) REPLACE_KEYS=true ;;
      --yes) YES=true ;;
      --dry-run) DRY_RUN=true ;;
      --help | -h) usage && exit 0 ;;
      *) unknown "$1" ;;
    esac
    shift
  done
}

# --- the bucket of Terraform's state: versioned, encrypted, private
make_state_bucket() {
  local region=${AWS_REGION:-}
  [[ -n $region ]] || die 2 "AWS_REGION is missing: where should the bucket be?"
  if [[ $DRY_RUN == true ]] || ! aws s3api head-bucket --bucket "$STATE_BUCKET" >/dev/null 2>&1; then
    # us-east-1 is the one region that must not be named here
    if [[ $region == us-east-1 ]]; then
      run aws s3api create-bucket --bucket "$STATE_BUCKET" --region "$region"
    else
      run aws s3api create-bucket --bucket "$STATE_BUCKET" --region "$region" \
        --create-bucket-configuration "LocationConstraint=$region"
    fi
  fi
  run aws s3api put-public-access-block --bucket "$STATE_BUCKET" --public-access-block-configuration \
    BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
  run aws s3api put-bucket-versioning --bucket "$STATE_BUCKET" --versioning-configuration Status=Enabled
  run aws s3api put-bucket-encryption --bucket "$STATE_BUCKET" --server-side-encryption-configuration \
    '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms"},"BucketKeyEnabled":true}]}'
  remember_state "$region"
}

remember_state() { # REGION
  local backend="$ROOT/terraform/backend-$ENVIRONMENT.hcl"
  [[ ! -f $backend ]] || return 0
  run_with_input tee "$backend" <<EOF
bucket       = "$STATE_BUCKET"
key          = "$ENVIRONMENT/terraform.tfstate"
region       = "$1"
encrypt      = true
use_lockfile = true
EOF
}

# --- secrets
fill_secrets() {
  put_secret_once "$(output secret_kafka)" kafka_user
  put_secret_once "$(output secret_application)" application_secrets
  local providers
  providers=$(output secret_providers)
  if [[ $REPLACE_KEYS == true ]]; then
    put_secret "$providers" provider_keys
  else
    put_secret_once "$providers" provider_keys
  fi
}

put_secret_once() { # NAME MAKER
  if [[ $DRY_RUN == false && $(aws secretsmanager list-secret-version-ids --region "$REGION" \
    --secret-id "$1" --query 'length(Versions)' --output text) != 0 ]]; then
    say "The secret $1 is kept as it is."
    return
  fi
  put_secret "$@"
}

# From standard input: an argument could be seen by others on this machine.
put_secret() { # NAME MAKER
  local command=(aws secretsmanager put-secret-value --region "$REGION" --secret-id "$1" --secret-string file:///dev/stdin)
  if [[ $DRY_RUN == true ]]; then
    run "${command[@]}"
    say "    (from $2, not shown)"
  else
    local content
    content=$("$2")
    "${command[@]}" <<<"$content" >/dev/null
    say "The secret $1 was written."
  fi
}

random() { openssl rand -hex "$1"; }

kafka_user() { printf '{"username":"ragline","password":"%s"}' "$(random 24)"; }

application_secrets() {
  printf '{"JWT_SECRET":"%s","DATABASE_PASSWORD":"%s","REDIS_TOKEN":"%s"}' "$(random 48)" "$(random 24)" "$(random 32)"
}

provider_keys() {
  local name value separator='{'
  for name in LLAMAPARSE_API_KEY OPENAI_API_KEY ANTHROPIC_API_KEY; do
    value=${!name:-}
    [[ $value =~ ^[A-Za-z0-9._-]*$ ]] || die 2 "$name has characters that no key has."
    printf '%s"%s":"%s"' "$separator" "$name" "$value"
    separator=','
  done
  printf '}'
}

# --- the servers learn of their secrets
let_kafka_in() {
  local cluster secret
  cluster=$(output kafka_arn)
  secret=$(output secret_kafka_arn)
  if [[ $DRY_RUN == false && $(aws kafka list-scram-secrets --region "$REGION" --cluster-arn "$cluster" \
    --query "length(SecretArnList[?@=='$secret'])" --output text) == 1 ]]; then
    say "Kafka knows its user."
    return
  fi
  run aws kafka batch-associate-scram-secret --region "$REGION" --cluster-arn "$cluster" --secret-arn-list "$secret"
}

# First both ways in, then the token alone: nobody who is connected is thrown out.
protect_cache() {
  local cache strategy
  cache=$(output cache_id)
  if [[ $DRY_RUN == false && $(aws elasticache describe-replication-groups --region "$REGION" \
    --replication-group-id "$cache" --query 'ReplicationGroups[0].AuthTokenEnabled' --output text) == True ]]; then
    say "Valkey asks for its token."
    return
  fi
  for strategy in ROTATE SET; do
    set_cache_token "$cache" "$strategy"
    run aws elasticache wait replication-group-available --region "$REGION" --replication-group-id "$cache"
  done
}

set_cache_token() { # CACHE STRATEGY
  local command=(aws elasticache modify-replication-group --region "$REGION" --cli-input-json file:///dev/stdin)
  if [[ $DRY_RUN == true ]]; then
    run "${command[@]}"
    say "    ($2 of the token of $1, not shown)"
    return
  fi
  local token
  token=$(aws secretsmanager get-secret-value --region "$REGION" --secret-id "$(output secret_application)" \
    --query SecretString --output text | sed -n 's/.*"REDIS_TOKEN":"\([0-9a-f]*\)".*/\1/p')
  [[ -n $token ]] || die 1 "The application's secret has no REDIS_TOKEN."
  printf '{"ReplicationGroupId":"%s","AuthToken":"%s","AuthTokenUpdateStrategy":"%s","ApplyImmediately":true}' \
    "$1" "$token" "$2" | "${command[@]}" >/dev/null
}

# --- the cluster
prepare_cluster() {
  local cluster
  cluster=$(output cluster)
  run aws eks update-kubeconfig --region "$REGION" --name "$cluster" --alias "${KUBERNETES_CLUSTER:-$cluster}"
  run_with_input "${KUBECTL[@]}" apply -f - <<EOF
apiVersion: v1
kind: Namespace
metadata:
  name: $NAMESPACE
  labels:
    pod-security.kubernetes.io/enforce: restricted
EOF
  give_database_ca
  manifest_of_secrets | run_with_input "${KUBECTL[@]}" --namespace "$NAMESPACE" apply -f -
  run "${KUBECTL[@]}" --namespace "$NAMESPACE" wait externalsecret/ragline --for=condition=Ready --timeout=180s
}

# RDS signs with a CA of its own, which no system knows.
give_database_ca() {
  local bundle="$WORK/bundle.pem"
  run curl --fail --silent --show-error --output "$bundle" "https://truststore.pki.rds.amazonaws.com/$REGION/$REGION-bundle.pem"
  if [[ $DRY_RUN == true ]]; then
    say "    (then the ConfigMap ragline-database-ca from it)"
  else
    "${KUBECTL[@]}" --namespace "$NAMESPACE" create configmap ragline-database-ca --from-file=bundle.pem="$bundle" \
      --dry-run=client --output yaml | "${KUBECTL[@]}" --namespace "$NAMESPACE" apply -f -
  fi
}

# external-secrets composes the Secret of the chart, and again when RDS has rotated its password.
manifest_of_secrets() {
  local database application
  application=$(output secret_application)
  database="$(output database_host):5432/$(output database_name)?sslmode=verify-full&sslrootcert=/etc/ragline/database-ca/bundle.pem"
  cat <<EOF
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata:
  name: ragline
spec:
  provider:
    aws:
      service: SecretsManager
      region: $REGION
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: ragline
spec:
  refreshInterval: 1h
  secretStoreRef: {kind: SecretStore, name: ragline}
  target:
    name: ragline
    template:
      engineVersion: v2
      data:
        JWT_SECRET: "{{ .JWT_SECRET }}"
        DATABASE_URL: "postgresql://ragline_login:{{ .DATABASE_PASSWORD }}@$database"
        MIGRATION_DATABASE_URL: "postgresql://{{ .owner }}:{{ .owner_password | urlquery }}@$database"
        REDIS_URL: "rediss://:{{ .REDIS_TOKEN }}@$(output cache_host):6379/0"
        KAFKA_SASL_PASSWORD: "{{ .kafka_password }}"
        LLAMAPARSE_API_KEY: "{{ .LLAMAPARSE_API_KEY }}"
        OPENAI_API_KEY: "{{ .OPENAI_API_KEY }}"
        ANTHROPIC_API_KEY: "{{ .ANTHROPIC_API_KEY }}"
  dataFrom:
    - extract: {key: "$application"}
    - extract: {key: "$(output secret_providers)"}
  data:
    - secretKey: owner
      remoteRef: {key: "$(output secret_database)", property: username}
    - secretKey: owner_password
      remoteRef: {key: "$(output secret_database)", property: password}
    - secretKey: kafka_password
      remoteRef: {key: "$(output secret_kafka)", property: password}
EOF
}

main "$@"
