variable "name" {
  description = "Name of the workgroup, and what the databases' names begin with."
  type        = string
}

variable "buckets" {
  description = "The lakes, ingestion and processed: each with its bucket's name."
  type        = map(string)
}

variable "tables_file" {
  description = "Path of what `python -m totes.aws.catalogue` prints; null for the model that ships."
  type        = string
  default     = null
}

variable "results_bucket" {
  description = "Name of the bucket for Athena's answers."
  type        = string
}

variable "results_days" {
  description = "For how many days answers are kept."
  type        = number
}

variable "scan_limit_gb" {
  description = "How many GB a question may read before it is ended."
  type        = number
}

variable "account_id" {
  description = "The account that owns the bucket for answers."
  type        = string
}

variable "encrypted" {
  description = "Whether kms_key_arn is set; known when planning, as the ARN itself may not be."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "The key that encrypts answers; null for the one that S3 manages."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all that can have some."
  type        = map(string)
  default     = {}
}
