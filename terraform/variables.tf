# Names and tags

variable "name" {
  description = "What the names of all resources begin with. A second environment in the same account has another one."
  type        = string
  default     = "totes"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,17}[a-z0-9]$", var.name))
    error_message = "name: 2 to 19 small letters, digits and hyphens (bucket names grow from it, and have 63 at most)."
  }
}

variable "tags" {
  description = "Tags of all resources that can have some, beside `application`."
  type        = map(string)
  default     = {}
}

# Credentials

variable "source_credentials" {
  description = "How to log in to the operational database, read-only. Never stored by Terraform."
  type = object({
    host        = string
    port        = string
    database    = string
    user        = string
    password    = string
    sslmode     = optional(string)
    sslrootcert = optional(string)
  })
  default   = null
  ephemeral = true
  sensitive = true

  validation {
    condition     = var.credentials_version == 0 || var.source_credentials != null
    error_message = "source_credentials is not set (TF_VAR_source_credentials); or set credentials_version = 0 and put the secret's value yourself."
  }
}

variable "warehouse_credentials" {
  description = "How to log in to the warehouse, as the owner of its schema. Never stored by Terraform."
  type = object({
    host        = string
    port        = string
    database    = string
    user        = string
    password    = string
    sslmode     = optional(string)
    sslrootcert = optional(string)
  })
  default   = null
  ephemeral = true
  sensitive = true

  validation {
    condition     = var.credentials_version == 0 || var.warehouse_credentials != null
    error_message = "warehouse_credentials is not set (TF_VAR_warehouse_credentials); or set credentials_version = 0 and put the secret's value yourself."
  }
}

variable "credentials_version" {
  description = "Raise it to have the credentials written anew; 0 if they are not written by Terraform at all."
  type        = number
  default     = 1

  validation {
    condition     = var.credentials_version >= 0 && floor(var.credentials_version) == var.credentials_version
    error_message = "credentials_version is a whole number, 0 or more."
  }
}

variable "secret_recovery_days" {
  description = "For how many days a deleted secret can be brought back; 0 for not at all."
  type        = number
  default     = 7

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "secret_recovery_days is 0, or 7 to 30."
  }
}

# Who is told

variable "alarm_emails" {
  description = "The addresses that alarms and failures go to; each has to confirm."
  type        = set(string)

  validation {
    condition     = length(var.alarm_emails) > 0 && alltrue([for address in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alarm_emails: at least one address, each of the form someone@example.com; alarms have to reach a person."
  }
}

variable "freshness" {
  description = "After how many minutes without a success to alarm, and at which age of the data."
  type = object({
    success_minutes = optional(number, 10)
    age_minutes     = optional(number, 30)
  })
  default = {}

  validation {
    condition     = alltrue([for minutes in values(var.freshness) : minutes >= 1 && minutes <= 1440 && floor(minutes) == minutes])
    error_message = "freshness: whole minutes, 1 to 1440; more than the time between two runs."
  }
}

variable "monthly_budget_usd" {
  description = "Alarm when the account's costs of a month near this many US dollars; null for no such alarm."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null ? true : var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd is more than 0."
  }
}

# When it runs

variable "schedule" {
  description = "When to run, as EventBridge Scheduler writes it."
  type        = string
  default     = "rate(1 minute)"

  validation {
    condition     = can(regex("^(rate\\([1-9][0-9]* (minute|minutes|hour|hours|day|days)\\)|cron\\(.+\\))$", var.schedule))
    error_message = "schedule is for example rate(1 minute), rate(5 minutes) or cron(0 * * * ? *)."
  }
}

variable "schedule_enabled" {
  description = "Whether the schedule is on; off, runs begin by hand only."
  type        = bool
  default     = true
}

variable "execution_timeout_seconds" {
  description = "After how many seconds a whole run is ended, with its retries."
  type        = number
  default     = 3600

  validation {
    condition     = var.execution_timeout_seconds >= 60 && var.execution_timeout_seconds <= 86400
    error_message = "execution_timeout_seconds: 60 to 86400."
  }
}

# The functions

variable "package" {
  description = "Path of the zip; null for build/totes-lambda-ARCHITECTURE.zip, where `make package` leaves it."
  type        = string
  default     = null

  validation {
    condition     = var.package == null ? true : endswith(var.package, ".zip")
    error_message = "package is the path of a .zip file."
  }
}

variable "architecture" {
  description = "x86_64 or arm64; arm64 costs a fifth less."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "functions" {
  description = "Each stage's memory (CPU grows with it), time limit and size of /tmp, which holds the files at work."
  type = object({
    ingest = optional(object({
      memory_mb       = optional(number, 1024)
      timeout_seconds = optional(number, 300)
      storage_mb      = optional(number, 2048)
    }), {})
    process = optional(object({
      memory_mb       = optional(number, 2048)
      timeout_seconds = optional(number, 300)
      storage_mb      = optional(number, 2048)
    }), {})
    load = optional(object({
      memory_mb       = optional(number, 1024)
      timeout_seconds = optional(number, 300)
      storage_mb      = optional(number, 2048)
    }), {})
  })
  default = {}

  validation {
    condition = alltrue([
      for f in values(var.functions) :
      f.memory_mb >= 512 && f.memory_mb <= 10240 && f.timeout_seconds >= 30 && f.timeout_seconds <= 900 && f.storage_mb >= 512 && f.storage_mb <= 10240
    ])
    error_message = "functions: memory_mb and storage_mb 512 to 10240, timeout_seconds 30 to 900."
  }
}

variable "reserved_concurrency" {
  description = "How many of each function may run at once; 1 saves money, as a second one finds nothing to do. Null for none reserved: a new account has none to reserve."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null ? true : var.reserved_concurrency >= 1 && floor(var.reserved_concurrency) == var.reserved_concurrency
    error_message = "reserved_concurrency is a whole number, 1 or more, or null."
  }
}

variable "deletion_limit" {
  description = "The share of a table's rows (0 to 1) beyond which a run does not believe that they were deleted; null for Totes' default."
  type        = number
  default     = null

  validation {
    condition     = var.deletion_limit == null ? true : var.deletion_limit >= 0 && var.deletion_limit <= 1
    error_message = "deletion_limit is 0 to 1."
  }
}

variable "log_level" {
  description = "What the functions log: DEBUG, INFO, WARNING or ERROR."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level is DEBUG, INFO, WARNING or ERROR."
  }
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is a number of days that CloudWatch offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 and so on."
  }
}

variable "tracing" {
  description = "Whether X-Ray traces functions and executions."
  type        = bool
  default     = false
}

variable "permissions_boundary" {
  description = "ARN of a policy beyond which no role made here may do anything; `make bootstrap` makes one. Null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null ? true : can(regex("^arn:[a-z-]+:iam::", var.permissions_boundary))
    error_message = "permissions_boundary is the ARN of a policy."
  }
}

# The lakes

variable "lakes_destroyable" {
  description = "Whether objects of the lakes may be deleted, and `terraform destroy` may take the lakes away with all history."
  type        = bool
  default     = false
}

variable "object_lock" {
  description = "Object Lock of both lakes: GOVERNANCE or COMPLIANCE, and for how many days. In COMPLIANCE nobody can delete sooner, nor end the costs. Null for none."
  type = object({
    mode = string
    days = number
  })
  default = null

  validation {
    condition     = var.object_lock == null ? true : contains(["GOVERNANCE", "COMPLIANCE"], var.object_lock.mode) && var.object_lock.days >= 1
    error_message = "object_lock: mode GOVERNANCE or COMPLIANCE, and days of 1 or more."
  }
}

variable "cheaper_storage_after_days" {
  description = "After how many days a lake's objects move to Intelligent-Tiering; null for never."
  type        = number
  default     = 30

  validation {
    condition     = var.cheaper_storage_after_days == null ? true : var.cheaper_storage_after_days >= 0
    error_message = "cheaper_storage_after_days is 0 or more."
  }
}

variable "create_kms_key" {
  description = "Whether to make a key of one's own for all that is at rest."
  type        = bool
  default     = false

  validation {
    condition     = !(var.create_kms_key && var.kms_key_arn != null)
    error_message = "Either create_kms_key or kms_key_arn."
  }
}

variable "kms_key_arn" {
  description = "ARN of a key that is there already; its policy has to let logs, alarms and budgets of this account use it (see modules/key). Null for AWS's keys."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null ? true : can(regex("^arn:[a-z-]+:kms:", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a key."
  }
}

# The network

variable "network" {
  description = "A VPC to make: its addresses, in how many zones, and where the databases are that may be reached. Null for none."
  type = object({
    cidr_block = optional(string, "10.20.0.0/24")
    zones      = optional(number, 2)
    databases  = list(object({ cidr_block = string, port = optional(number, 5432) }))
  })
  default = null

  validation {
    condition     = var.network == null ? true : can(cidrnetmask(var.network.cidr_block)) && var.network.zones >= 1 && var.network.zones <= 4
    error_message = "network: cidr_block such as 10.20.0.0/24, and 1 to 4 zones."
  }
  validation {
    condition     = var.network == null ? true : length(var.network.databases) > 0 && alltrue([for database in var.network.databases : can(cidrnetmask(database.cidr_block))])
    error_message = "network.databases: at least one, each with a cidr_block such as 10.0.1.5/32."
  }
}

variable "existing_network" {
  description = "Subnets and security groups of a VPC that is there already, from which S3, Secrets Manager and the databases can be reached. Null for none."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.existing_network == null ? true : var.network == null && length(var.existing_network.subnet_ids) > 0 && length(var.existing_network.security_group_ids) > 0
    error_message = "existing_network: at least one subnet and one security group; and not together with network."
  }
}

# The catalogue

variable "catalogue" {
  description = "Tables for Athena: for another data model the path of what `python -m totes.aws.catalogue` prints; for how many days answers are kept; how many GB a question may read. Null for no catalogue."
  type = object({
    tables_file   = optional(string)
    results_days  = optional(number, 30)
    scan_limit_gb = optional(number, 10)
  })
  default = {}

  validation {
    condition     = var.catalogue == null ? true : var.catalogue.results_days >= 1 && var.catalogue.scan_limit_gb >= 0.01
    error_message = "catalogue: results_days of 1 or more, scan_limit_gb of 0.01 or more (Athena's least is 10 MB)."
  }
}
