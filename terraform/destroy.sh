#!/usr/bin/env bash
# Take away everything but the lakes and their key, which stay in the state for the next deployment.
# With --lakes, these too, and all history: they must have been told by lakes_destroyable first.
# Credentials are not asked for. What follows is given to terraform: -auto-approve, -var and so on.
set -euo pipefail
cd "$(dirname "$0")"

if [ "${1:-}" = --lakes ]; then
  shift
  for lake in ingestion processed; do
    if terraform state show "module.$lake.aws_s3_bucket.this" 2>/dev/null | grep -q 'force_destroy *= false'; then
      echo "error: the $lake lake is kept; hint: terraform apply -var lakes_destroyable=true, then this again" >&2
      exit 1
    fi
  done
  exec terraform destroy -var credentials_version=0 -var lakes_destroyable=true "$@"
fi

targets=()
while IFS= read -r address; do
  targets+=("-target=$address")
done < <(terraform state list | grep -v -E '^module\.(ingestion|processed|key)(\[|\.)|(^|\.)data\.')

if [ "${#targets[@]}" -eq 0 ]; then
  echo "nothing is there but the lakes"
  exit 0
fi
exec terraform destroy -var credentials_version=0 "${targets[@]}" "$@"
