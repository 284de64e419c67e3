# One stage as a Lambda function, with its log group and a role that may do just what it needs.

locals {
  log_group = "/aws/lambda/${var.name}"
}

resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_158:A key of one's own is optional, and is set by kms_key_arn
  # checkov:skip=CKV_AWS_338:What has to be kept is in the lakes; logs are for mending, not for audit
  name              = local.log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.name
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

data "aws_iam_policy_document" "this" {
  # checkov:skip=CKV_AWS_111:Network interfaces and traces have no ARN before they are made
  # checkov:skip=CKV_AWS_356:As above
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  dynamic "statement" {
    for_each = length(var.reads) > 0 ? [1] : []
    content {
      sid       = "List"
      actions   = ["s3:ListBucket"]
      resources = var.reads
    }
  }

  dynamic "statement" {
    for_each = length(var.reads) > 0 ? [1] : []
    content {
      sid       = "Read"
      actions   = ["s3:GetObject"]
      resources = [for arn in var.reads : "${arn}/*"]
    }
  }

  # The bucket's own policy makes this create-only.
  dynamic "statement" {
    for_each = length(var.creates) > 0 ? [1] : []
    content {
      sid       = "Create"
      actions   = ["s3:PutObject"]
      resources = [for arn in var.creates : "${arn}/*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.secrets) > 0 ? [1] : []
    content {
      sid       = "Credentials"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = var.secrets
    }
  }

  dynamic "statement" {
    for_each = var.encrypted ? [1] : []
    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.kms_key_arn]
    }
  }

  dynamic "statement" {
    for_each = var.tracing ? [1] : []
    content {
      sid       = "Traces"
      actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.network == null ? [] : [1]
    content {
      sid = "NetworkInterfaces"
      actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ec2:GetSecurityGroupsForVpc",
        "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"]
    }
  }

  # Lambda makes network interfaces by the function's role; what runs in it must not.
  dynamic "statement" {
    for_each = var.network == null ? [] : [1]
    content {
      sid       = "NotFromWithin"
      effect    = "Deny"
      actions   = ["ec2:*"]
      resources = ["*"]
      condition {
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = [var.arn]
      }
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "work"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_50:Tracing is optional; it costs, and the stages are seen in the state machine
  # checkov:skip=CKV_AWS_115:Reserved concurrency is optional: a new account has none to reserve
  # checkov:skip=CKV_AWS_116:It is called by a state machine, which catches; nothing calls it unheard
  # checkov:skip=CKV_AWS_117:A VPC is optional
  # checkov:skip=CKV_AWS_173:No secret is in the environment; a key of one's own is optional
  # checkov:skip=CKV_AWS_272:The zip's hash is known to the state; signing needs a profile per account
  function_name    = var.name
  description      = var.description
  role             = aws_iam_role.this.arn
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  runtime          = "python3.13"
  architectures    = [var.architecture]
  handler          = var.handler
  memory_size      = var.memory_mb
  timeout          = var.timeout_seconds
  kms_key_arn      = var.kms_key_arn
  tags             = var.tags

  # -1 is "not reserved"
  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)

  ephemeral_storage {
    size = var.storage_mb
  }

  environment {
    variables = var.environment
  }

  # The handlers print JSON themselves, metrics among it: nothing may be wrapped around.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  dynamic "vpc_config" {
    for_each = var.network == null ? [] : [var.network]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  depends_on = [aws_iam_role_policy.this]
}
