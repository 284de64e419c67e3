output "arn" {
  description = "The state machine's ARN."
  value       = aws_sfn_state_machine.this.arn
}

output "name" {
  description = "The state machine's name."
  value       = aws_sfn_state_machine.this.name
}

output "schedule_name" {
  description = "The schedule's name."
  value       = aws_scheduler_schedule.this.name
}

output "dead_letter_queue_name" {
  description = "The name of the queue where starts that failed end."
  value       = aws_sqs_queue.dead.name
}

output "role_arns" {
  description = "The ARNs of the state machine's role and the scheduler's."
  value       = { machine = aws_iam_role.machine.arn, scheduler = aws_iam_role.scheduler.arn }
}
