variable "name" {
  description = "What the alarms' names begin with, and the dashboard's name."
  type        = string
}

variable "functions" {
  description = "The stages' functions: by stage the function's name, its dimension `service` and its time limit."
  type = map(object({
    name            = string
    service         = string
    timeout_seconds = number
  }))
}

variable "state_machine_arn" {
  description = "ARN of the state machine."
  type        = string
}

variable "dead_letter_queue_name" {
  description = "Name of the queue where starts that failed end."
  type        = string
}

variable "metrics_namespace" {
  description = "The namespace of the functions' own metrics."
  type        = string
}

variable "freshness" {
  description = "After how many minutes without a success, and at which age of the data, to alarm."
  type = object({
    success_minutes = number
    age_minutes     = number
  })
}

variable "topic_arn" {
  description = "ARN of the topic that alarms are told to."
  type        = string
}

variable "tags" {
  description = "Tags of the alarms."
  type        = map(string)
  default     = {}
}
