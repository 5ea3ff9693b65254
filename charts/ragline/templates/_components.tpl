{{/*
Every component by its name, with its defaults filled in: `kind` (gateway or worker), `args` of the
CLI, and for a worker its `group` and `topic`. Whatever is rendered ranges over this.

A generation that is built has a chunker and an embedder of its own, as the live ones are but for
their group, their topic and how many they may be: also their accounts, and so their cloud roles,
are those. They leave retries to the live ones.
*/}}
{{- define "ragline.components" -}}
{{- $components := dict -}}
{{- range $name, $own := .Values.gateways -}}
{{- $given := mergeOverwrite (deepCopy $.Values.gatewayDefaults) (deepCopy (default dict $own)) -}}
{{- $_ := set $components $name (merge (dict "kind" "gateway" "args" (list "gateway")) $given) -}}
{{- end -}}
{{- $topics := include "ragline.topics" . | fromYaml -}}
{{- range $name, $own := .Values.workers -}}
{{- $given := mergeOverwrite (deepCopy $.Values.workerDefaults) (deepCopy (default dict $own)) -}}
{{- $fixed := dict "kind" "worker" "group" $name "topic" (get $topics $name) "args" (list "worker" $name) -}}
{{- $_ := set $components $name (merge $fixed $given) -}}
{{- end -}}
{{- range $number := .Values.generations.building -}}
{{- range $name, $topic := dict "chunker" (get $topics "chunker") "embedder" (printf "documents.chunked.g%d.v1" (int $number)) -}}
{{- $generation := int $number | toString -}}
{{- $own := deepCopy (get $components $name) -}}
{{- $_ := set $own "group" (printf "%s.g%s" $name $generation) -}}
{{- $_ := set $own "topic" $topic -}}
{{- $_ := set $own "args" (list "worker" $name "--generation" $generation) -}}
{{- $_ := set $own "isBuild" true -}}
{{- $_ := set $own "account" $name -}}
{{- $_ := set $own.scaling "min" 0 -}}
{{- $_ := set $own.scaling "max" $.Values.generations.max -}}
{{- $_ := set $components (printf "%s-g%s" $name $generation) $own -}}
{{- end -}}
{{- end -}}
{{- toYaml $components -}}
{{- end -}}

{{/* The topic that each worker's group reads; a test compares it with contracts/topics.py. */}}
{{- define "ragline.topics" -}}
parser: documents.uploaded.v1
chunker: documents.parsed.v1
embedder: documents.chunked.v1
responder: chat.requested.v1
{{- end -}}

{{/* The names in a worker's retry topics, GROUP.retry.NAME.v1; compared, too. */}}
{{- define "ragline.retryDelays" -}}
[10s, 1m, 10m]
{{- end -}}
