#!/usr/bin/env bash
# Ask every service of a deployment whether it lives and is ready.
#
# usage: health-check.sh [options]
#
#   --url URL          ask this one for every service without a setting of its own
#   --wait SECONDS     ask again until all are healthy, at most so long (0)
#   --timeout SECONDS  longest wait for one answer (10)
#   --ca FILE          trust this CA, for a certificate of your own
#   --json             print one JSON document on standard output
#   --dry-run          show what would be asked
#
# Reads: AGENT_API_URL, RAG_SERVICE_URL, CHAT_SERVICE_URL, UPLOAD_PIPELINE_URL,
# DOCUMENT_PROCESSING_URL, VECTORIZATION_SERVICE_URL, each the address of a gateway (/health,
# /health/ready) or of a worker's METRICS_PORT (/livez, /readyz); INGRESS_DOMAIN instead of --url.
#
# Status: 0 all are healthy, 1 one is not, 2 wrong usage or nothing to ask.
set -euo pipefail
# shellcheck source=deployment/shell.sh
source "$(dirname "${BASH_SOURCE[0]}")/shell.sh"

SERVICES=(AGENT_API RAG_SERVICE CHAT_SERVICE UPLOAD_PIPELINE DOCUMENT_PROCESSING VECTORIZATION_SERVICE)
URL=${INGRESS_DOMAIN:+https://$INGRESS_DOMAIN}
WAIT=0
TIMEOUT=10
CA=()
JSON=false

main() {
  read_options "$@"
  check_urls
  if [[ $DRY_RUN == true ]]; then
    show_questions
    return
  fi
  needs curl
  make_work
  ask_until_healthy
}

read_options() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --url) needs_value "$@" && URL=$2 && shift ;;
      --wait) needs_value "$@" && WAIT=$2 && shift ;;
      --timeout) needs_value "$@" && TIMEOUT=$2 && shift ;;
      --ca) needs_value "$@" && CA=(--cacert "$2") && shift ;;
      --json) JSON=true ;;
      --dry-run) DRY_RUN=true ;;
      --help | -h) usage && exit 0 ;;
      *) unknown "$1" ;;
    esac
    shift
  done
  [[ $WAIT =~ ^[0-9]+$ && $TIMEOUT =~ ^[1-9][0-9]*$ ]] || die 2 "--wait and --timeout are whole seconds."
}

# Where a service is, without a slash at the end.
url_of() { # SERVICE
  local setting="$1_URL" url
  url=${!setting:-$URL}
  printf '%s' "${url%/}"
}

check_urls() {
  local service url
  for service in "${SERVICES[@]}"; do
    url=$(url_of "$service")
    [[ -n $url ]] || die 2 "Where is it? Set ${service}_URL, or INGRESS_DOMAIN, or --url for all."
    [[ $url =~ ^https?://[^/[:space:]\"\\]+(/[^[:space:]\"\\]*)?$ ]] || die 2 "$url of ${service}_URL is not an address like https://ragline.example.org."
  done
}

show_questions() {
  local service
  for service in "${SERVICES[@]}"; do
    printf '+ GET %s/health, %s/health/ready   # %s\n' "$(url_of "$service")" "$(url_of "$service")" "$service"
  done
}

ask_until_healthy() {
  local deadline=$((SECONDS + WAIT)) failed
  while true; do
    failed=0
    ask_all || failed=1
    if [[ $failed == 0 || $SECONDS -ge $deadline ]]; then
      report
      return "$failed"
    fi
    sleep 2
  done
}

# Each answer is a file: the outcome in its first line, the reason in its second.
ask_all() {
  local service failed=0
  for service in "${SERVICES[@]}"; do
    ask "$service" || failed=1
  done
  return "$failed"
}

ask() { # SERVICE
  local url live ready
  url=$(url_of "$1")
  live=$(status_of "$url/health") || true
  ready="$url/health/ready"
  if [[ $live == 404 ]]; then # a worker: it has names of its own
    live=$(status_of "$url/livez") || true
    ready="$url/readyz"
  fi
  case $live in
    200) ;;
    000) answer "$1" unreachable "$(reason_of_curl)" && return 1 ;;
    *) answer "$1" dead "HTTP $live" && return 1 ;;
  esac
  case $(status_of "$ready" || true) in
    200) answer "$1" healthy "" ;;
    *) answer "$1" unready "$(reason_of_body)" && return 1 ;;
  esac
}

answer() { printf '%s\n%s\n' "$2" "$3" >"$WORK/$1"; }

status_of() { # URL
  curl --silent --show-error --location --max-time "$TIMEOUT" ${CA[@]+"${CA[@]}"} --output "$WORK/body" \
    --write-out '%{http_code}' "$1" 2>"$WORK/error"
}

reason_of_curl() { head -n 1 "$WORK/error" | sed 's/^curl: //'; }

# The sentence of a problem+json, else the beginning of whatever came.
reason_of_body() {
  local detail
  [[ -f $WORK/body ]] || { reason_of_curl && return; }
  detail=$(tr '\n' ' ' <"$WORK/body" | sed -n 's/.*"detail": *"\(\([^"\\]\|\\.\)*\)".*/\1/p' | sed 's/\\"/"/g')
  if [[ -n $detail ]]; then
    printf '%s' "$detail"
  else
    head -c 200 "$WORK/body" | tr '\n' ' '
  fi
}

report() {
  local service outcome reason
  if [[ $JSON == true ]]; then
    report_json
    return
  fi
  for service in "${SERVICES[@]}"; do
    { read -r outcome && read -r reason || true; } <"$WORK/$service"
    printf '%-12s %-22s %s%s\n' "$outcome" "$service" "$(url_of "$service")" "${reason:+: $reason}"
  done
}

report_json() {
  local service outcome reason healthy=true separator=
  local services=
  for service in "${SERVICES[@]}"; do
    { read -r outcome && read -r reason || true; } <"$WORK/$service"
    [[ $outcome == healthy ]] || healthy=false
    services+="$separator{\"service\":\"$service\",\"url\":\"$(url_of "$service")\",\"status\":\"$outcome\",\"reason\":\"$(json_text "$reason")\"}"
    separator=,
  done
  printf '{"healthy":%s,"services":[%s]}\n' "$healthy" "$services"
}

json_text() { printf '%s' "$1" | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g'; }

main "$@"
