# The databases' credentials. Their values are ephemeral here and written by write-only arguments:
# they are in no plan and in no state. A new value is written when credentials_version changes; what
# was rotated by other means is left alone.

resource "aws_secretsmanager_secret" "this" {
  # checkov:skip=CKV_AWS_149:A key of one's own is optional, and is set by create_kms_key or kms_key_arn
  # checkov:skip=CKV2_AWS_57:Rotation is the database's owner's; the functions pick up a new value by themselves
  for_each = toset(["source", "warehouse"])

  # A name that was just deleted cannot be taken again for days: so it is new each time.
  name_prefix             = "${var.name}-${each.key}-"
  description             = "How ${var.name} logs in to its ${each.key} database"
  kms_key_id              = local.kms_key_arn
  recovery_window_in_days = var.secret_recovery_days
  tags                    = local.tags
}

resource "aws_secretsmanager_secret_version" "source" {
  count                    = var.credentials_version > 0 ? 1 : 0
  secret_id                = aws_secretsmanager_secret.this["source"].id
  secret_string_wo         = jsonencode({ for k, v in var.source_credentials : k => v if v != null })
  secret_string_wo_version = var.credentials_version
}

resource "aws_secretsmanager_secret_version" "warehouse" {
  count                    = var.credentials_version > 0 ? 1 : 0
  secret_id                = aws_secretsmanager_secret.this["warehouse"].id
  secret_string_wo         = jsonencode({ for k, v in var.warehouse_credentials : k => v if v != null })
  secret_string_wo_version = var.credentials_version
}
