# The least that has to be said.

module "totes" {
  source = "../.."

  alarm_emails          = var.alarm_emails
  package               = var.package
  source_credentials    = var.source_credentials
  warehouse_credentials = var.warehouse_credentials
}
