#!/usr/bin/env bash
# Checks the chart and its alerts with the tools of their trade: helm, kubeconform and promtool.
#
#   charts/check.sh          (make chart-check)
#
# KUBECONFORM_SCHEMAS  where kubeconform finds schemas, separated by spaces: its own templates or
#                      addresses. Without it they are fetched, KEDA's and the Prometheus operator's
#                      from a public catalogue.
# PYTHON               a Python with the development requirements   (default .venv/bin/python)
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
CATALOGUE='https://raw.githubusercontent.com/datreeio/CRDs-catalog/main/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json'
KUBECONFORM_SCHEMAS=${KUBECONFORM_SCHEMAS:-"default $CATALOGUE"}
NEEDED=(--set config.KAFKA_BOOTSTRAP_SERVERS=kafka:9092 --set config.BLOB_URL=s3://bucket/prefix)

need() {  # command, how to get it
  command -v "$1" >/dev/null || { echo "$1 is missing: $2. Put it into PATH and run this again." >&2; exit 1; }
}

schemas() {
  local one
  for one in $KUBECONFORM_SCHEMAS; do printf '%s\n' -schema-location "$one"; done
}

rendered() {  # name, arguments of helm template
  local name=$1; shift
  echo "helm template: $name"
  helm template ragline charts/ragline "$@" >"$WORK/$name.yaml"
  kubeconform -strict -summary "${LOCATIONS[@]}" "$WORK/$name.yaml"
}

need helm "go install helm.sh/helm/v4/cmd/helm@v4.2.4, or helm.sh/docs/intro/install"
need kubeconform "go install github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0"
need promtool "it comes with Prometheus; on Debian: apt-get install prometheus"
[ -x "$PYTHON" ] || { echo "$PYTHON is missing: run make install first." >&2; exit 1; }

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mapfile -t LOCATIONS < <(schemas)

helm lint --quiet charts/ragline "${NEEDED[@]}"
rendered defaults "${NEEDED[@]}"
rendered generations "${NEEDED[@]}" --set 'generations.building={2}'
for file in charts/ragline/ci/*-values.yaml; do
  helm lint --quiet charts/ragline -f "$file"
  rendered "$(basename "$file" .yaml)" -f "$file"
done
promtool check rules charts/ragline/rules/ragline.rules.yaml
promtool test rules charts/ragline/rules/ragline.test.yaml
checks=(tests/deploy/check_chart.py)
if command -v prometheus >/dev/null; then
  checks+=(tests/deploy/check_prometheus.py)
else
  echo "prometheus is not in PATH: its scrape of a running stack is left out." >&2
fi
"$PYTHON" -m pytest -q "${checks[@]}"
