# What the deploy role may do: make and mend what bears the name, no more. It makes roles, by which
# it could give itself anything, were it not that each of them must stay within the boundary.

locals {
  arn  = { for service in ["athena", "cloudwatch", "glue", "lambda", "logs", "scheduler", "secretsmanager", "sns", "sqs", "states"] : service => "arn:${local.partition}:${service}:${local.region}:${local.account}" }
  iam  = "arn:${local.partition}:iam::${local.account}"
  glue = replace(var.name, "-", "_")

  # By sid: actions, and the resources that they are allowed on.
  deploy = {
    Buckets = {
      actions   = ["s3:*"]
      resources = ["arn:${local.partition}:s3:::${var.name}-*"]
    }
    Functions = {
      actions   = ["lambda:*"]
      resources = ["${local.arn.lambda}:function:${var.name}-*"]
    }
    Machine = {
      actions   = ["states:*"]
      resources = ["${local.arn.states}:stateMachine:${var.name}*", "${local.arn.states}:execution:${var.name}*:*"]
    }
    Schedule = {
      actions   = ["scheduler:*"]
      resources = ["${local.arn.scheduler}:schedule/default/${var.name}*"]
    }
    Secrets = {
      actions   = ["secretsmanager:*"]
      resources = ["${local.arn.secretsmanager}:secret:${var.name}-*"]
    }
    Topics = {
      actions   = ["sns:*"]
      resources = ["${local.arn.sns}:${var.name}-*"]
    }
    Queues = {
      actions   = ["sqs:*"]
      resources = ["${local.arn.sqs}:${var.name}-*"]
    }
    Logs = {
      actions = ["logs:*"]
      resources = [
        "${local.arn.logs}:log-group:/aws/lambda/${var.name}-*",
        "${local.arn.logs}:log-group:/aws/vendedlogs/states/${var.name}*",
      ]
    }
    Alarms = {
      actions = ["cloudwatch:*"]
      resources = [
        "${local.arn.cloudwatch}:alarm:${var.name}-*",
        "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}*",
      ]
    }
    Catalogue = {
      actions = ["glue:*"]
      resources = [
        "${local.arn.glue}:catalog",
        "${local.arn.glue}:database/${local.glue}_*",
        "${local.arn.glue}:table/${local.glue}_*/*",
      ]
    }
    Questions = {
      actions   = ["athena:*"]
      resources = ["${local.arn.athena}:workgroup/${var.name}*"]
    }
    Budgets = {
      actions   = ["budgets:*"]
      resources = ["arn:${local.partition}:budgets::${local.account}:budget/${var.name}*"]
    }
    Roles = {
      actions = [
        "iam:DeleteRole",
        "iam:DeleteRolePolicy",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
        "iam:ListRoleTags",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
      ]
      resources = ["${local.iam}:role/${var.name}-*"]
    }
    # These have no resource to name, or one whose name AWS gives.
    Nameless = {
      actions = [
        "cloudwatch:DescribeAlarms",
        "ec2:*Address*",
        "ec2:*NetworkAcl*",
        "ec2:*NetworkInterface*",
        "ec2:*PrefixList*",
        "ec2:*RouteTable*",
        "ec2:*SecurityGroup*",
        "ec2:*Subnet*",
        "ec2:*Tags",
        "ec2:*Vpc*",
        "ec2:DescribeAvailabilityZones",
        "iam:ListPolicies",
        "kms:CreateAlias",
        "kms:CreateKey",
        "kms:DeleteAlias",
        "kms:DescribeKey",
        "kms:EnableKeyRotation",
        "kms:GetKeyPolicy",
        "kms:GetKeyRotationStatus",
        "kms:ListAliases",
        "kms:ListResourceTags",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateAlias",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
        "secretsmanager:GetRandomPassword",
        "states:ListStateMachines",
        "states:ValidateStateMachineDefinition",
      ]
      resources = ["*"]
    }
  }
}

data "aws_iam_policy_document" "deploy" {
  # checkov:skip=CKV_AWS_107:A deployment writes the databases' credentials; it is to make them, not to spy them out
  # checkov:skip=CKV_AWS_108:As above; buckets and secrets are named
  # checkov:skip=CKV_AWS_109:Roles and keys are what it deploys; roles stay within a boundary
  # checkov:skip=CKV_AWS_110:As above
  # checkov:skip=CKV_AWS_111:Networks, keys and log deliveries have no name before they are made
  # checkov:skip=CKV_AWS_356:As above
  # checkov:skip=CKV2_AWS_40:As above
  dynamic "statement" {
    for_each = local.deploy
    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }

  statement {
    sid       = "RolesWithinTheBoundary"
    actions   = ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"]
    resources = ["${local.iam}:role/${var.name}-*"]
    condition {
      test     = "ArnEquals"
      variable = "iam:PermissionsBoundary"
      values   = [aws_iam_policy.boundary.arn]
    }
  }

  statement {
    sid       = "RolesForServices"
    actions   = ["iam:PassRole"]
    resources = ["${local.iam}:role/${var.name}-*"]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"]
    }
  }

  # Not even by the rights above does it raise itself, or loosen the boundary.
  statement {
    sid     = "NotItself"
    effect  = "Deny"
    actions = ["iam:*"]
    resources = [
      "${local.iam}:role/${var.name}-deploy",
      "${local.iam}:policy/${var.name}-*",
    ]
  }
}

resource "aws_iam_policy" "deploy" {
  name        = "${var.name}-deploy"
  description = "What a deployment of ${var.name} may do"
  policy      = data.aws_iam_policy_document.deploy.json
  tags        = local.tags
}

resource "aws_iam_role_policy_attachment" "deploy" {
  role       = aws_iam_role.deploy.name
  policy_arn = aws_iam_policy.deploy.arn
}

# What the functions, the state machine and the scheduler need all together; each has less.
data "aws_iam_policy_document" "boundary" {
  # checkov:skip=CKV_AWS_107:A boundary gives nothing; the roles within it read one secret each
  # checkov:skip=CKV_AWS_108:As above
  # checkov:skip=CKV_AWS_109:As above
  # checkov:skip=CKV_AWS_111:As above
  # checkov:skip=CKV_AWS_356:As above
  statement {
    sid = "Named"
    actions = [
      "lambda:InvokeFunction",
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "s3:GetObject",
      "s3:ListBucket",
      "s3:PutObject",
      "secretsmanager:GetSecretValue",
      "sns:Publish",
      "sqs:SendMessage",
      "states:StartExecution",
    ]
    resources = [
      "${local.arn.lambda}:function:${var.name}-*",
      "${local.arn.logs}:log-group:/aws/lambda/${var.name}-*",
      "arn:${local.partition}:s3:::${var.name}-*",
      "${local.arn.secretsmanager}:secret:${var.name}-*",
      "${local.arn.sns}:${var.name}-*",
      "${local.arn.sqs}:${var.name}-*",
      "${local.arn.states}:stateMachine:${var.name}*",
    ]
  }

  statement {
    sid = "Nameless"
    actions = [
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:Describe*",
      "ec2:GetSecurityGroupsForVpc",
      "ec2:UnassignPrivateIpAddresses",
      "kms:Decrypt",
      "kms:GenerateDataKey",
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]
    resources = ["*"]
  }

  # The state holds no secret, but whoever writes it decides what is deployed.
  statement {
    sid       = "NotTheState"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [module.state.arn, "${module.state.arn}/*"]
  }
}

resource "aws_iam_policy" "boundary" {
  name        = "${var.name}-boundary"
  description = "Beyond this no role of ${var.name} may do anything"
  policy      = data.aws_iam_policy_document.boundary.json
  tags        = local.tags
}
