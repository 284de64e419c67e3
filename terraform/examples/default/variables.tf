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
