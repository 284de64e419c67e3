# The lakes as Athena sees them: tables made from the contracts, by `python -m totes.aws.catalogue`.
# No crawler: a table's partitions are reckoned from its properties.

locals {
  catalogue = jsondecode(file(coalesce(var.tables_file, "${path.module}/tables.json")))
  tables    = { for table in local.catalogue.tables : "${table.lake}.${table.name}" => table }

  # A database's name may hold no hyphen.
  databases = { for lake in keys(var.buckets) : lake => replace("${var.name}_${lake}", "-", "_") }

  formats = {
    parquet = {
      input  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
      output = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
      serde  = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }
    lines = {
      input  = "org.apache.hadoop.mapred.TextInputFormat"
      output = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
      serde  = "org.apache.hadoop.hive.serde2.RegexSerDe"
    }
  }
}

resource "aws_glue_catalog_database" "this" {
  for_each    = var.buckets
  name        = local.databases[each.key]
  description = "The ${each.key} lake"
  tags        = var.tags
}

resource "aws_glue_catalog_table" "this" {
  for_each      = local.tables
  database_name = aws_glue_catalog_database.this[each.value.lake].name
  name          = each.value.name
  description   = each.value.description
  table_type    = "EXTERNAL_TABLE"

  parameters = merge(
    { EXTERNAL = "TRUE", classification = each.value.format == "parquet" ? "parquet" : "json" },
    length(each.value.partitions) == 0 ? {} : {
      "projection.enabled"        = "true"
      "storage.location.template" = "s3://${var.buckets[each.value.lake]}/${each.value.template}"
    },
    merge([
      for partition in each.value.partitions : {
        "projection.${partition.name}.type"   = "integer"
        "projection.${partition.name}.range"  = partition.range
        "projection.${partition.name}.digits" = partition.digits
      }
    ]...),
  )

  dynamic "partition_keys" {
    for_each = each.value.partitions
    content {
      name    = partition_keys.value.name
      type    = partition_keys.value.type
      comment = partition_keys.value.comment
    }
  }

  storage_descriptor {
    location      = "s3://${var.buckets[each.value.lake]}/${each.value.location}"
    input_format  = local.formats[each.value.format].input
    output_format = local.formats[each.value.format].output

    ser_de_info {
      serialization_library = local.formats[each.value.format].serde
      parameters            = each.value.serde
    }

    dynamic "columns" {
      for_each = each.value.columns
      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}

# What Athena answers is no part of a lake: it may be overwritten, and is soon deleted.
module "results" {
  source = "../bucket"

  name              = var.results_bucket
  destroyable       = true
  expire_after_days = var.results_days
  kms_key_arn       = var.kms_key_arn
  tags              = var.tags
}

resource "aws_athena_workgroup" "this" {
  name          = var.name
  description   = "Questions to the lakes, ${var.scan_limit_gb} GB each at most"
  force_destroy = true
  tags          = var.tags

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.scan_limit_gb * 1000 * 1000 * 1000

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "s3://${module.results.name}/"
      expected_bucket_owner = var.account_id

      encryption_configuration {
        encryption_option = var.encrypted ? "SSE_KMS" : "SSE_S3"
        kms_key_arn       = var.kms_key_arn
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each    = { for query in local.catalogue.queries : query.name => query }
  name        = each.key
  description = each.value.description
  workgroup   = aws_athena_workgroup.this.id
  database    = aws_glue_catalog_database.this[each.value.lake].name
  query       = each.value.sql
}
