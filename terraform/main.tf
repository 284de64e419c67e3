# Two lakes, three functions, a state machine that runs them on a schedule, and alarms that reach a
# person. The parts are in modules/; what is here says how they hang together.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  tags        = merge({ application = var.name }, var.tags)
  encrypted   = var.create_kms_key || var.kms_key_arn != null
  kms_key_arn = var.create_kms_key ? module.key[0].arn : var.kms_key_arn
  package     = coalesce(var.package, "${path.module}/../build/totes-lambda-${var.architecture}.zip")
  network = var.network == null ? var.existing_network : {
    subnet_ids         = module.network[0].subnet_ids
    security_group_ids = [module.network[0].security_group_id]
  }

  # What a stage may do beyond the log that all have, and what it is told beyond the lakes.
  stages = {
    ingest = {
      description = "Rows out of the source into the ingestion lake"
      reads       = [module.ingestion.arn]
      creates     = [module.ingestion.arn]
      secrets     = [aws_secretsmanager_secret.this["source"].arn]
      environment = merge(
        { TOTES_SOURCE_SECRET = aws_secretsmanager_secret.this["source"].arn },
        var.deletion_limit == null ? {} : { TOTES_DELETION_LIMIT = tostring(var.deletion_limit) },
      )
    }
    process = {
      description = "From the ingestion lake into the stars of the processed lake"
      reads       = [module.ingestion.arn, module.processed.arn]
      creates     = [module.processed.arn]
      secrets     = []
      environment = {}
    }
    load = {
      description = "From the processed lake into the warehouse"
      reads       = [module.processed.arn]
      creates     = []
      secrets     = [aws_secretsmanager_secret.this["warehouse"].arn]
      environment = { TOTES_WAREHOUSE_SECRET = aws_secretsmanager_secret.this["warehouse"].arn }
    }
  }

  metrics_namespace = "Totes"
  environment = {
    TOTES_INGESTION              = "s3://${module.ingestion.name}"
    TOTES_PROCESSED              = "s3://${module.processed.name}"
    POWERTOOLS_LOG_LEVEL         = var.log_level
    POWERTOOLS_METRICS_NAMESPACE = local.metrics_namespace
  }
}

module "key" {
  source = "./modules/key"
  count  = var.create_kms_key ? 1 : 0

  name = var.name
  tags = local.tags
}

module "ingestion" {
  source = "./modules/bucket"

  name               = "${var.name}-ingestion-${local.account}-${local.region}"
  immutable          = true
  destroyable        = var.lakes_destroyable
  object_lock        = var.object_lock
  cheaper_after_days = var.cheaper_storage_after_days
  kms_key_arn        = local.kms_key_arn
  tags               = local.tags
}

module "processed" {
  source = "./modules/bucket"

  name               = "${var.name}-processed-${local.account}-${local.region}"
  immutable          = true
  destroyable        = var.lakes_destroyable
  object_lock        = var.object_lock
  cheaper_after_days = var.cheaper_storage_after_days
  kms_key_arn        = local.kms_key_arn
  tags               = local.tags
}

module "network" {
  source = "./modules/network"
  count  = var.network == null ? 0 : 1

  name        = var.name
  cidr_block  = var.network.cidr_block
  zones       = var.network.zones
  databases   = var.network.databases
  bucket_arns = [module.ingestion.arn, module.processed.arn]
  secret_arns = [for secret in aws_secretsmanager_secret.this : secret.arn]
  tags        = local.tags
}

module "function" {
  source   = "./modules/function"
  for_each = local.stages

  name        = "${var.name}-${each.key}"
  arn         = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}-${each.key}"
  description = each.value.description
  handler     = "totes.aws.${each.key}.handler"
  environment = merge(
    local.environment,
    {
      POWERTOOLS_SERVICE_NAME = "${var.name}-${each.key}"
      # Half for the engine, half for Python, drivers and what is under way.
      TOTES_MEMORY = "${floor(max(256, var.functions[each.key].memory_mb / 2))}MB"
    },
    each.value.environment,
  )
  reads   = each.value.reads
  creates = each.value.creates
  secrets = each.value.secrets

  package              = local.package
  architecture         = var.architecture
  memory_mb            = var.functions[each.key].memory_mb
  timeout_seconds      = var.functions[each.key].timeout_seconds
  storage_mb           = var.functions[each.key].storage_mb
  reserved_concurrency = var.reserved_concurrency
  encrypted            = local.encrypted
  kms_key_arn          = local.kms_key_arn
  network              = local.network
  tracing              = var.tracing
  log_retention_days   = var.log_retention_days
  permissions_boundary = var.permissions_boundary
  tags                 = local.tags
}

module "workflow" {
  source = "./modules/workflow"

  name                 = var.name
  functions            = { for stage, function in module.function : stage => function.arn }
  topic_arn            = aws_sns_topic.this.arn
  schedule             = var.schedule
  enabled              = var.schedule_enabled
  timeout_seconds      = var.execution_timeout_seconds
  encrypted            = local.encrypted
  kms_key_arn          = local.kms_key_arn
  tracing              = var.tracing
  log_retention_days   = var.log_retention_days
  permissions_boundary = var.permissions_boundary
  tags                 = local.tags

  # The first tick finds what it needs.
  depends_on = [aws_secretsmanager_secret_version.source, aws_secretsmanager_secret_version.warehouse]
}

module "alarms" {
  source = "./modules/alarms"

  name = var.name
  functions = {
    for stage, function in module.function : stage => {
      name            = function.name
      service         = "${var.name}-${stage}"
      timeout_seconds = var.functions[stage].timeout_seconds
    }
  }
  state_machine_arn      = module.workflow.arn
  dead_letter_queue_name = module.workflow.dead_letter_queue_name
  metrics_namespace      = local.metrics_namespace
  freshness              = var.freshness
  topic_arn              = aws_sns_topic.this.arn
  tags                   = local.tags
}

module "catalogue" {
  source = "./modules/catalogue"
  count  = var.catalogue == null ? 0 : 1

  name           = var.name
  buckets        = { ingestion = module.ingestion.name, processed = module.processed.name }
  tables_file    = var.catalogue.tables_file
  results_bucket = "${var.name}-athena-${local.account}-${local.region}"
  results_days   = var.catalogue.results_days
  scan_limit_gb  = var.catalogue.scan_limit_gb
  account_id     = local.account
  encrypted      = local.encrypted
  kms_key_arn    = local.kms_key_arn
  tags           = local.tags
}
