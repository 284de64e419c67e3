# Who may deploy; offline, with a provider that answers by itself.

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
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::111122223333:policy/mock" }
  }
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/mock" }
  }
}

variables {
  repository   = "someone/totes"
  environments = ["production", "staging"]
}

run "by_default" {
  assert {
    condition = toset(flatten([
      for condition in data.aws_iam_policy_document.assume.statement[0].condition :
      condition.values if endswith(condition.variable, ":sub")
    ])) == toset(["repo:someone/totes:environment:production", "repo:someone/totes:environment:staging"])
    error_message = "Only jobs of the named environments deploy, never a pull request."
  }
  assert {
    condition     = output.state_bucket == "totes-state-111122223333-eu-west-2"
    error_message = "The state has a bucket of its own."
  }
  assert {
    condition     = strcontains(output.backend, "bucket = \"totes-state-111122223333-eu-west-2\"")
    error_message = "The backend's configuration names it."
  }
}

run "with_the_account_s_provider" {
  variables {
    create_oidc_provider = false
  }
  assert {
    condition     = data.aws_iam_policy_document.assume.statement[0].principals != null && length(aws_iam_openid_connect_provider.github) == 0
    error_message = "Where the account has the provider, none is made."
  }
}

run "refuses_nonsense" {
  command = plan
  variables {
    name         = "-"
    repository   = "totes"
    environments = ["*"]
  }
  expect_failures = [var.name, var.repository, var.environments]
}
