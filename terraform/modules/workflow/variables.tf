variable "name" {
  description = "Name of the state machine and the schedule."
  type        = string
}

variable "functions" {
  description = "The stages' functions: ingest, process and load, each with its ARN."
  type        = map(string)

  validation {
    condition     = toset(keys(var.functions)) == toset(["ingest", "process", "load"])
    error_message = "The stages are ingest, process and load."
  }
}

variable "topic_arn" {
  description = "ARN of the topic that failures are told to."
  type        = string
}

variable "schedule" {
  description = "When to run, as EventBridge Scheduler writes it."
  type        = string
}

variable "enabled" {
  description = "Whether the schedule is on."
  type        = bool
  default     = true
}

variable "timeout_seconds" {
  description = "After how many seconds an execution is ended, retries included."
  type        = number
}

variable "encrypted" {
  description = "Whether kms_key_arn is set; known when planning, as the ARN itself may not be."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "The key that encrypts logs, history, schedule and queue; null for AWS's."
  type        = string
  default     = null
}

variable "tracing" {
  description = "Whether X-Ray traces executions."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
}

variable "permissions_boundary" {
  description = "ARN of a policy beyond which the roles may do nothing; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all that can have some."
  type        = map(string)
  default     = {}
}
