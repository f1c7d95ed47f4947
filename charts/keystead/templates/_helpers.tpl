{{/* What is the same for everything of the operator, and never changes: a Deployment's selector can't. */}}
{{- define "keystead.selector" -}}
app.kubernetes.io/name: keystead
app.kubernetes.io/component: operator
{{- end }}

{{- define "keystead.labels" -}}
{{ include "keystead.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "keystead.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* Three quarters of the memory limit, in MiB: the rest is for buffers, stacks and code, which V8 does not count. */}}
{{- define "keystead.heapMiB" -}}
{{- $memory := required "operator.resources.limits.memory is needed: the heap of Node is sized by it" .Values.operator.resources.limits.memory -}}
{{- $mib := trimSuffix "Mi" (trimSuffix "Gi" $memory) | int -}}
{{- if hasSuffix "Gi" $memory -}}{{- $mib = mul $mib 1024 -}}{{- end -}}
{{- div (mul $mib 3) 4 -}}
{{- end }}

{{/* A namespace of its own, since whoever may edit there is root of every vault. */}}
{{- define "keystead.checkNamespace" -}}
{{- if or (eq .Release.Namespace "default") (hasPrefix "kube-" .Release.Namespace) -}}
{{- fail (printf "Keystead needs a namespace of its own, not %s: add --namespace keystead-system --create-namespace" .Release.Namespace) -}}
{{- end -}}
{{- end }}
