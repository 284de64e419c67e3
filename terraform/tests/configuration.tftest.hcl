# What a plan makes of the variables; offline, with a provider that answers by itself.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\": \"2012-10-17\", \"Statement\": []}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-west-2" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-west-2a", "eu-west-2b", "eu-west-2c"] }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/mock" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mock" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-2:111122223333:function:mock" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-2:111122223333:log-group:mock" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-2:111122223333:key/mock" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-west-2:111122223333:mock" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-2:111122223333:mock" }
  }
  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-west-2:111122223333:stateMachine:mock" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:mock" }
  }
  mock_resource "aws_vpc_endpoint" {
    defaults = { prefix_list_id = "pl-mock" }
  }
}

variables {
  package      = "./tests/package.zip"
  alarm_emails = ["someone@example.com"]
  source_credentials = {
    host = "source.example.com", port = "5432", database = "totesys", user = "reader", password = "secret"
  }
  warehouse_credentials = {
    host = "warehouse.example.com", port = "5432", database = "warehouse", user = "writer", password = "secret"
  }
}

run "by_default" {
  assert {
    condition     = output.ingestion_bucket == "totes-ingestion-111122223333-eu-west-2"
    error_message = "A bucket's name says whose it is and where."
  }
  assert {
    condition     = output.function_names == { ingest = "totes-ingest", process = "totes-process", load = "totes-load" }
    error_message = "There are three functions."
  }
  assert {
    condition     = output.network == null && output.kms_key_arn == null && length(aws_budgets_budget.this) == 0
    error_message = "What is optional is off."
  }
  assert {
    condition     = length(output.alarm_names) == 18
    error_message = "Three alarms a function, three of executions, six of the whole."
  }
  assert {
    condition     = length(aws_sns_topic_subscription.email) == 1
    error_message = "Alarms reach a person."
  }
  assert {
    condition     = output.athena.databases == { ingestion = "totes_ingestion", processed = "totes_processed" }
    error_message = "Both lakes are in the catalogue."
  }
}

run "secrets_by_hand" {
  command = plan
  variables {
    credentials_version   = 0
    source_credentials    = null
    warehouse_credentials = null
  }
  assert {
    condition     = length(aws_secretsmanager_secret_version.source) + length(aws_secretsmanager_secret_version.warehouse) == 0
    error_message = "With credentials_version = 0 no value is written."
  }
  assert {
    condition     = length(aws_secretsmanager_secret.this) == 2
    error_message = "The secrets are there all the same, to be filled."
  }
}

run "everything" {
  variables {
    name                 = "other"
    architecture         = "arm64"
    create_kms_key       = true
    reserved_concurrency = 1
    monthly_budget_usd   = 20
    tracing              = true
    object_lock          = { mode = "COMPLIANCE", days = 30 }
    network              = { databases = [{ cidr_block = "10.0.0.5/32" }, { cidr_block = "10.0.0.5/32", port = 6432 }] }
    deletion_limit       = 0
  }
  assert {
    condition     = startswith(output.kms_key_arn, "arn:aws:kms:") && length(aws_budgets_budget.this) == 1
    error_message = "There is a key, and a budget."
  }
  assert {
    condition     = length(output.network.subnet_ids) == 2
    error_message = "There is a subnet in each zone."
  }
  assert {
    condition     = output.ingestion_bucket == "other-ingestion-111122223333-eu-west-2"
    error_message = "All names follow `name`."
  }
}

run "without_a_catalogue" {
  variables {
    catalogue        = null
    existing_network = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }
  assert {
    condition     = output.athena == null && output.network == null
    error_message = "No catalogue where none is wanted, and no VPC where there is one."
  }
}

run "example_default" {
  module {
    source = "./examples/default"
  }
  assert {
    condition     = output.totes.ingestion_bucket == "totes-ingestion-111122223333-eu-west-2"
    error_message = "The example gives what the configuration tells."
  }
}

run "example_complete" {
  module {
    source = "./examples/complete"
  }
  assert {
    condition     = length(output.totes.network.subnet_ids) == 2 && output.totes.kms_key_arn != null
    error_message = "The example has every optional part."
  }
}

run "refuses_nonsense" {
  command = plan
  variables {
    name                       = "Totes_"
    alarm_emails               = ["nobody"]
    architecture               = "sparc"
    schedule                   = "every minute"
    log_level                  = "LOUD"
    log_retention_days         = 2
    package                    = "zip.tar"
    deletion_limit             = 2
    reserved_concurrency       = 0
    execution_timeout_seconds  = 1
    secret_recovery_days       = 3
    credentials_version        = -1
    monthly_budget_usd         = 0
    cheaper_storage_after_days = -1
    functions                  = { load = { memory_mb = 1 } }
    freshness                  = { age_minutes = 0 }
    object_lock                = { mode = "SOFT", days = 1 }
    network                    = { cidr_block = "10", databases = [] }
    kms_key_arn                = "key"
    permissions_boundary       = "boundary"
    catalogue                  = { scan_limit_gb = 0 }
  }
  expect_failures = [
    var.name, var.alarm_emails, var.architecture, var.schedule, var.log_level, var.log_retention_days,
    var.package, var.deletion_limit, var.reserved_concurrency, var.execution_timeout_seconds,
    var.secret_recovery_days, var.credentials_version, var.monthly_budget_usd,
    var.cheaper_storage_after_days, var.functions, var.freshness, var.object_lock, var.network,
    var.kms_key_arn, var.permissions_boundary, var.catalogue,
  ]
}

run "refuses_what_excludes_each_other" {
  command = plan
  variables {
    create_kms_key   = true
    kms_key_arn      = "arn:aws:kms:eu-west-2:111122223333:key/one"
    network          = { databases = [{ cidr_block = "10.0.0.5/32" }] }
    existing_network = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }
  expect_failures = [var.create_kms_key, var.existing_network]
}

run "asks_for_credentials" {
  command = plan
  variables {
    source_credentials    = null
    warehouse_credentials = null
  }
  expect_failures = [var.source_credentials, var.warehouse_credentials]
}
