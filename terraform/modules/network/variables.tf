variable "name" {
  description = "What the names of all its parts begin with."
  type        = string
}

variable "cidr_block" {
  description = "The addresses of the VPC."
  type        = string
}

variable "zones" {
  description = "In how many availability zones there is a subnet."
  type        = number
}

variable "databases" {
  description = "Where the databases are: what the functions may reach besides S3 and Secrets Manager."
  type        = list(object({ cidr_block = string, port = number }))
}

variable "bucket_arns" {
  description = "The buckets that may be reached."
  type        = list(string)
}

variable "secret_arns" {
  description = "The secrets that may be reached."
  type        = list(string)
}

variable "tags" {
  description = "Tags of all that can have some."
  type        = map(string)
  default     = {}
}
