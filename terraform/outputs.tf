output "ingestion_bucket" {
  description = "Name of the ingestion lake's bucket."
  value       = module.ingestion.name
}

output "processed_bucket" {
  description = "Name of the processed lake's bucket."
  value       = module.processed.name
}

output "secret_arns" {
  description = "ARNs of the secrets: source and warehouse."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "state_machine_arn" {
  description = "ARN of the state machine; `aws stepfunctions start-execution` runs it once."
  value       = module.workflow.arn
}

output "schedule_name" {
  description = "Name of the schedule."
  value       = module.workflow.schedule_name
}

output "function_names" {
  description = "Names of the functions, by stage."
  value       = { for stage, function in module.function : stage => function.name }
}

output "role_arns" {
  description = "ARNs of the roles: of each stage, the state machine and the scheduler."
  value       = merge({ for stage, function in module.function : stage => function.role_arn }, module.workflow.role_arns)
}

output "log_group_names" {
  description = "Names of the functions' log groups, by stage."
  value       = { for stage, function in module.function : stage => function.log_group_name }
}

output "topic_arn" {
  description = "ARN of the topic that alarms and failures go to."
  value       = aws_sns_topic.this.arn
}

output "dead_letter_queue_name" {
  description = "Name of the queue where starts that failed end."
  value       = module.workflow.dead_letter_queue_name
}

output "alarm_names" {
  description = "Names of the alarms, by what each is about."
  value       = module.alarms.names
}

output "dashboard_name" {
  description = "Name of the dashboard."
  value       = module.alarms.dashboard_name
}

output "athena" {
  description = "The workgroup and the databases to query the lakes with; null without a catalogue."
  value       = one(module.catalogue)
}

output "network" {
  description = "The VPC that was made, for peering: its id, route table, subnets and the functions' security group; null without one."
  value       = one(module.network)
}

output "kms_key_arn" {
  description = "ARN of the key that encrypts all at rest; null where AWS's keys do."
  value       = local.kms_key_arn
}
