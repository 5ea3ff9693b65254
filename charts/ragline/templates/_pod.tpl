{{/*
The pod of a component, from (dict "root" $ "name" NAME "component" … "container" …): what all pods
share is here, what a container has of its own (ports, probes, environment) comes with it.
*/}}
{{- define "ragline.pod" -}}
{{- $root := .root -}}
{{- $component := .component -}}
metadata:
  labels:
    {{- include "ragline.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
    {{- with $component.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: {{ .name }}
    {{- with $root.Values.secrets.revision }}
    ragline/secret-revision: {{ . | quote }}
    {{- end }}
    {{- with $component.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ .account }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml $root.Values.podSecurityContext | nindent 4 }}
  terminationGracePeriodSeconds: {{ $component.terminationGracePeriodSeconds | int }}
  {{- with $component.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $component.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $component.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $component.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- range tuple "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "ragline.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $.name }}
    {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ include "ragline.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: {{ toJson $component.args }}
      securityContext:
        {{- toYaml $root.Values.securityContext | nindent 8 }}
      resources:
        {{- toYaml $component.resources | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- if $component.tlsSecret }}
        - name: tls
          mountPath: /etc/ragline/tls
          readOnly: true
        {{- end }}
        {{- with $root.Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- .container | nindent 6 }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: {{ $component.temporary }}
    {{- with $component.tlsSecret }}
    - name: tls
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with $root.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "ragline.account" -}}
{{- if .root.Values.serviceAccount.create -}}
{{ include "ragline.fullname" .root }}-{{ default .name .component.account }}
{{- else -}}
default
{{- end -}}
{{- end -}}
