# Every optional part, and every variable.

module "totes" {
  source = "../.."

  name = var.name
  tags = { owner = "data" }

  alarm_emails       = var.alarm_emails
  freshness          = { success_minutes = 15, age_minutes = 45 }
  monthly_budget_usd = 50

  source_credentials    = var.source_credentials
  warehouse_credentials = var.warehouse_credentials
  credentials_version   = 1
  secret_recovery_days  = 30

  schedule                  = "rate(5 minutes)"
  schedule_enabled          = var.schedule_enabled
  execution_timeout_seconds = 1800

  package              = var.package
  architecture         = "arm64"
  functions            = { process = { memory_mb = 3008, timeout_seconds = 600 } }
  reserved_concurrency = 1
  deletion_limit       = 0.2
  log_level            = "DEBUG"
  log_retention_days   = 365
  tracing              = true
  permissions_boundary = var.permissions_boundary

  lakes_destroyable          = var.lakes_destroyable
  object_lock                = { mode = "GOVERNANCE", days = 1 }
  cheaper_storage_after_days = 7
  create_kms_key             = true

  network   = { cidr_block = "10.20.0.0/24", zones = 2, databases = [{ cidr_block = "10.0.1.0/24" }] }
  catalogue = { results_days = 7, scan_limit_gb = 1 }
}
