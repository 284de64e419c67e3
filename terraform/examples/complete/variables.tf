variable "alarm_emails" {
  description = "The addresses that alarms go to."
  type        = set(string)
}

variable "package" {
  description = "Path of the zip; null for where `make package` leaves it."
  type        = string
  default     = null
}

variable "source_credentials" {
  description = "How to log in to the operational database."
  type        = map(string)
  ephemeral   = true
  sensitive   = true
}

variable "warehouse_credentials" {
  description = "How to log in to the warehouse."
  type        = map(string)
  ephemeral   = true
  sensitive   = true
}

variable "name" {
  description = "What all names begin with."
  type        = string
  default     = "totes-complete"
}

variable "schedule_enabled" {
  description = "Whether the schedule is on."
  type        = bool
  default     = true
}

variable "permissions_boundary" {
  description = "ARN of a policy beyond which no role may do anything."
  type        = string
  default     = null
}

variable "lakes_destroyable" {
  description = "Whether the lakes may be taken away."
  type        = bool
  default     = false
}
