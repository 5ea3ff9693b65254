#!/usr/bin/env bash
# Give the API its certificate, or say how long it is still valid.
#
# usage: ssl-certificate-setup.sh --email ADDRESS [options]           cert-manager gets and renews one
#        ssl-certificate-setup.sh --certificate FILE --key FILE [options]     one of your own
#        ssl-certificate-setup.sh --check [options]                   nothing is changed
#
#   --email ADDRESS     who Let's Encrypt writes to; makes the issuers letsencrypt and letsencrypt-staging
#   --certificate FILE  chain in PEM, the own certificate first
#   --key FILE          its key in PEM
#   --check             look at the certificate that the API shows
#   --address HOST:PORT where --check looks (INGRESS_DOMAIN:443)
#   --days N            fewer days of validity than these are refused, and fail --check (21)
#   --dry-run           show what would be done
#
# Reads: INGRESS_DOMAIN, the name that the certificate must be for; SSL_CERTIFICATE, the Secret that
# it is kept in (ragline-tls); NAMESPACE, KUBERNETES_CLUSTER.
# With a certificate of your own, deploy with TLS_ISSUER= (empty).
#
# Status: 0 done or valid, 1 failed or not valid for long, 2 wrong usage or something is missing.
set -euo pipefail
# shellcheck source=deployment/shell.sh
source "$(dirname "${BASH_SOURCE[0]}")/shell.sh"

EMAIL=
CERTIFICATE=
KEY=
CHECK=false
ADDRESS=${INGRESS_DOMAIN:+$INGRESS_DOMAIN:443}
DAYS=21
SECRET=${SSL_CERTIFICATE:-ragline-tls}

main() {
  read_options "$@"
  needs openssl
  make_work
  if [[ $CHECK == true ]]; then
    check
  elif [[ -n $CERTIFICATE || -n $KEY ]]; then
    use_own
  elif [[ -n $EMAIL ]]; then
    make_issuers
  else
    die 2 "What shall it be? --email, --certificate and --key, or --check; see --help."
  fi
}

read_options() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --email) needs_value "$@" && EMAIL=$2 && shift ;;
      --certificate) needs_value "$@" && CERTIFICATE=$2 && shift ;;
      --key) needs_value "$@" && KEY=$2 && shift ;;
      --check) CHECK=true ;;
      --address) needs_value "$@" && ADDRESS=$2 && shift ;;
      --days) needs_value "$@" && DAYS=$2 && shift ;;
      --dry-run) DRY_RUN=true ;;
      --help | -h) usage && exit 0 ;;
      *) unknown "$1" ;;
    esac
    shift
  done
  [[ $DAYS =~ ^[0-9]+$ ]] || die 2 "--days $DAYS is not a number of days."
}

# --- cert-manager
make_issuers() {
  [[ $EMAIL =~ ^[^@[:space:]\"]+@[^@[:space:]\"]+$ ]] || die 2 "--email $EMAIL is not an address."
  [[ $DRY_RUN == true ]] || needs kubectl
  {
    issuer letsencrypt https://acme-v02.api.letsencrypt.org/directory
    issuer letsencrypt-staging https://acme-staging-v02.api.letsencrypt.org/directory
  } | run_with_input "${KUBECTL[@]}" apply -f -
  conclude "cert-manager gets the certificate when the release has its ingress: deployment/deploy.sh."
}

issuer() { # NAME SERVER
  cat <<EOF
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: $1
spec:
  acme:
    email: "$EMAIL"
    server: $2
    privateKeySecretRef:
      name: $1-account
    solvers:
      - http01:
          ingress:
            ingressClassName: traefik
EOF
}

# --- one of your own
use_own() {
  [[ -r $CERTIFICATE && -r $KEY ]] || die 2 "--certificate and --key go together, and both must be readable files."
  openssl x509 -in "$CERTIFICATE" -noout 2>/dev/null || die 1 "$CERTIFICATE has no certificate in PEM."
  belong_together || die 1 "$KEY is not the key of $CERTIFICATE."
  is_for_domain "$CERTIFICATE"
  is_valid_long_enough "$CERTIFICATE"
  [[ $DRY_RUN == true ]] || needs kubectl
  if [[ $DRY_RUN == true ]]; then
    run "${KUBECTL[@]}" --namespace "$NAMESPACE" create secret tls "$SECRET" --cert="$CERTIFICATE" --key="$KEY"
    return
  fi
  "${KUBECTL[@]}" --namespace "$NAMESPACE" create secret tls "$SECRET" --cert="$CERTIFICATE" --key="$KEY" \
    --dry-run=client --output yaml | "${KUBECTL[@]}" --namespace "$NAMESPACE" apply -f -
  say "The Secret $SECRET has the certificate. Deploy with TLS_ISSUER= (empty), so that cert-manager leaves it alone."
}

belong_together() {
  [[ $(openssl x509 -in "$CERTIFICATE" -noout -pubkey) == "$(openssl pkey -in "$KEY" -pubout 2>/dev/null)" ]]
}

# --- what a certificate says
is_for_domain() { # FILE
  [[ -n ${INGRESS_DOMAIN:-} ]] || die 2 "INGRESS_DOMAIN is missing: which name must the certificate be for?"
  openssl x509 -in "$1" -noout -checkhost "$INGRESS_DOMAIN" | grep -q "does match" ||
    die 1 "The certificate is not for $INGRESS_DOMAIN."
}

is_valid_long_enough() { # FILE
  local until
  until=$(openssl x509 -in "$1" -noout -enddate | cut -d= -f2)
  openssl x509 -in "$1" -noout -checkend 0 >/dev/null || die 1 "The certificate expired on $until."
  openssl x509 -in "$1" -noout -checkend $((DAYS * 86400)) >/dev/null ||
    die 1 "The certificate is valid until $until, which is less than $DAYS days."
  say "The certificate is valid until $until."
}

check() {
  local shown="$WORK/shown.pem"
  [[ $ADDRESS == *:* ]] || die 2 "Where shall I look? Set INGRESS_DOMAIN, or --address HOST:PORT."
  if [[ $DRY_RUN == true ]]; then
    run openssl s_client -connect "$ADDRESS" -servername "${INGRESS_DOMAIN:-${ADDRESS%:*}}"
    return
  fi
  openssl s_client -connect "$ADDRESS" -servername "${INGRESS_DOMAIN:-${ADDRESS%:*}}" </dev/null 2>/dev/null |
    openssl x509 -out "$shown" 2>/dev/null || die 1 "Nobody shows a certificate at $ADDRESS."
  INGRESS_DOMAIN=${INGRESS_DOMAIN:-${ADDRESS%:*}}
  is_for_domain "$shown"
  is_valid_long_enough "$shown"
}

main "$@"
