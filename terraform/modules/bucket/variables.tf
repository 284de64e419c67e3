variable "name" {
  description = "The bucket's name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 small letters, digits and hyphens."
  }
}

variable "immutable" {
  description = "Whether objects are created once, and neither overwritten nor deleted."
  type        = bool
  default     = false
}

variable "destroyable" {
  description = "Whether `terraform destroy` may take away the bucket with all that is in it."
  type        = bool
  default     = false
}

variable "object_lock" {
  description = "Object Lock: its mode, and for how many days. Cannot be taken off a bucket again."
  type = object({
    mode = string
    days = number
  })
  default = null
}

variable "cheaper_after_days" {
  description = "After how many days objects move to Intelligent-Tiering; null for never."
  type        = number
  default     = null
}

variable "expire_after_days" {
  description = "After how many days objects are deleted; null for never."
  type        = number
  default     = null
}

variable "kms_key_arn" {
  description = "The key that encrypts objects; null for the one that S3 manages."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the bucket."
  type        = map(string)
  default     = {}
}
