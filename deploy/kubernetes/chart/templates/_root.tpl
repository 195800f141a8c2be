{{- define "navarch.root" -}}
{{- $data := (lookup "v1" "Secret" .Release.Namespace "cacerts").data | default dict -}}
{{- get $data "root-cert.pem" | default (get $data "ca.crt") -}}
{{- end -}}
