# Once an account, before anything else, by a person who may: the bucket that keeps Terraform's state,
# and the role that GitHub Actions deploys by, without keys that live long. Its own state is a local
# file, and small: what is lost with it can be imported again.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
  issuer    = "token.actions.githubusercontent.com"
  provider  = var.create_oidc_provider ? aws_iam_openid_connect_provider.github[0].arn : "arn:${local.partition}:iam::${local.account}:oidc-provider/${local.issuer}"
  tags      = merge({ application = var.name }, var.tags)
}

module "state" {
  source = "../modules/bucket"

  name        = "${var.name}-state-${local.account}-${local.region}"
  destroyable = var.state_destroyable
  tags        = local.tags
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.create_oidc_provider ? 1 : 0
  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = local.tags
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [local.provider]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
    # Only jobs of these environments, whose protection rules are the repository's.
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = [for environment in var.environments : "repo:${var.repository}:environment:${environment}"]
    }
  }
}

resource "aws_iam_role" "deploy" {
  name                 = "${var.name}-deploy"
  description          = "GitHub Actions of ${var.repository} deploy ${var.name} by this"
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  max_session_duration = 3600
  tags                 = local.tags
}
