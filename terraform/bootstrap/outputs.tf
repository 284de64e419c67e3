output "backend" {
  description = "What `terraform init -backend-config` wants: the content of terraform/backend.hcl."
  value       = <<-EOT
    bucket = "${module.state.name}"
    key    = "${var.name}.tfstate"
    region = "${local.region}"
  EOT
}

output "state_bucket" {
  description = "Name of the bucket that keeps the state."
  value       = module.state.name
}

output "deploy_role_arn" {
  description = "ARN of the role that GitHub Actions takes on."
  value       = aws_iam_role.deploy.arn
}

output "permissions_boundary" {
  description = "ARN of the boundary, for the variable of that name."
  value       = aws_iam_policy.boundary.arn
}
