variable "name" {
  description = "What the names of all resources begin with; the same as the deployment's, or the beginning of several's."
  type        = string
  default     = "totes"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,17}[a-z0-9]$", var.name))
    error_message = "name: 2 to 19 small letters, digits and hyphens."
  }
}

variable "repository" {
  description = "The repository on GitHub that may deploy, as OWNER/REPOSITORY."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository is OWNER/REPOSITORY."
  }
}

variable "environments" {
  description = "The repository's environments whose jobs may deploy."
  type        = set(string)
  default     = ["production"]

  validation {
    condition     = length(var.environments) > 0 && alltrue([for environment in var.environments : can(regex("^[A-Za-z0-9._-]+$", environment))])
    error_message = "environments: at least one; letters, digits, dots, hyphens."
  }
}

variable "create_oidc_provider" {
  description = "Whether to make the provider for GitHub's tokens; false where the account has it: there can be one only."
  type        = bool
  default     = true
}

variable "state_destroyable" {
  description = "Whether `terraform destroy` may take away the bucket with all states in it."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of all resources, beside `application`."
  type        = map(string)
  default     = {}
}
