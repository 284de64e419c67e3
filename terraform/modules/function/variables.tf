variable "name" {
  description = "Name of the function, its role and its log group."
  type        = string
}

variable "arn" {
  description = "The ARN that the function will have, for the policy of its own role."
  type        = string
}

variable "description" {
  description = "What the function does."
  type        = string
}

variable "package" {
  description = "Path of the zip."
  type        = string
}

variable "handler" {
  description = "The handler, as package.module.function."
  type        = string
}

variable "architecture" {
  description = "What the zip was built for: x86_64 or arm64."
  type        = string
}

variable "memory_mb" {
  description = "Memory, in MB; CPU grows with it."
  type        = number
}

variable "timeout_seconds" {
  description = "After how many seconds Lambda ends it."
  type        = number
}

variable "storage_mb" {
  description = "Size of /tmp, in MB."
  type        = number
}

variable "reserved_concurrency" {
  description = "How many may run at once; null for no limit, and none reserved."
  type        = number
  default     = null
}

variable "environment" {
  description = "Environment variables; never secrets."
  type        = map(string)
}

variable "reads" {
  description = "ARNs of the buckets that it may list and read."
  type        = list(string)
  default     = []
}

variable "creates" {
  description = "ARNs of the buckets in which it may create objects."
  type        = list(string)
  default     = []
}

variable "secrets" {
  description = "ARNs of the secrets that it may read."
  type        = list(string)
  default     = []
}

variable "encrypted" {
  description = "Whether kms_key_arn is set; known when planning, as the ARN itself may not be."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "The key that encrypts buckets, secrets, logs and the environment; null for AWS's."
  type        = string
  default     = null
}

variable "network" {
  description = "Subnets and security groups to run in; null for no VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "tracing" {
  description = "Whether X-Ray traces it."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
}

variable "permissions_boundary" {
  description = "ARN of a policy beyond which the role may do nothing; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all that can have some."
  type        = map(string)
  default     = {}
}
