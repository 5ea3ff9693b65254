{{/* A value as the environment has it: whole numbers without an exponent. */}}
{{- define "ragline.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{- int64 . | toString -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/*
The environment of a process, from (dict "root" $ "config" …, its own settings, "keys" …, of the
Secret). It is written into the pod, not into a ConfigMap: a changed setting is a new revision,
pods of the old one keep theirs, and hooks need nothing that is not there yet.
*/}}
{{- define "ragline.environment" -}}
{{- $config := mergeOverwrite (deepCopy .root.Values.config) (deepCopy .config) -}}
{{- range $name, $value := $config }}
{{- if not (kindIs "invalid" $value) }}
- name: {{ $name }}
  value: {{ include "ragline.text" $value | quote }}
{{- end }}
{{- end }}
{{- range .keys }}
- name: {{ . }}
  valueFrom:
    secretKeyRef:
      name: {{ $.root.Values.secrets.existingSecret }}
      key: {{ . }}
      optional: true
{{- end }}
{{- end -}}
