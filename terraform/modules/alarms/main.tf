# What wakes a person, and the page where that person looks first.

locals {
  # One alarm is one line here. Where a metric is missing, nothing happened: that is fine, but for
  # those by which we know that anything happens at all.
  of_functions = merge([
    for stage, function in var.functions : {
      "${stage}-errors" = {
        # What a retry heals wakes nobody; an execution that fails has an alarm of its own.
        description = "${function.name} has been ending with errors for 15 minutes. Its log says which."
        namespace   = "AWS/Lambda"
        metric      = "Errors"
        dimensions  = { FunctionName = function.name }
        statistic   = "Sum"
        threshold   = 0
        periods     = 3
      }
      "${stage}-throttles" = {
        description = "Calls of ${function.name} have been refused for 15 minutes: too many run at once, or one runs longer than the schedule allows."
        namespace   = "AWS/Lambda"
        metric      = "Throttles"
        dimensions  = { FunctionName = function.name }
        statistic   = "Sum"
        threshold   = 0
        periods     = 3
      }
      "${stage}-duration" = {
        description = "${function.name} takes more than 80 % of the time that it has."
        namespace   = "AWS/Lambda"
        metric      = "Duration"
        dimensions  = { FunctionName = function.name }
        statistic   = "Maximum"
        threshold   = 0.8 * 1000 * function.timeout_seconds
      }
    }
  ]...)

  of_executions = {
    for outcome in ["Failed", "TimedOut", "Aborted"] : "executions-${lower(outcome)}" => {
      description = "Executions of the state machine ended as: ${outcome}."
      namespace   = "AWS/States"
      metric      = "Executions${outcome}"
      dimensions  = { StateMachineArn = var.state_machine_arn }
      statistic   = "Sum"
      threshold   = 0
    }
  }

  of_the_whole = {
    dead-letters = {
      description = "The schedule could not start the state machine; see the dead-letter queue."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = var.dead_letter_queue_name }
      statistic   = "Maximum"
      threshold   = 0
    }
    no-success = {
      description = "No execution has succeeded for ${var.freshness.success_minutes} minutes."
      namespace   = "AWS/States"
      metric      = "ExecutionsSucceeded"
      dimensions  = { StateMachineArn = var.state_machine_arn }
      statistic   = "Sum"
      comparison  = "LessThanThreshold"
      threshold   = 1
      seconds     = 60 * var.freshness.success_minutes
      missing     = "breaching"
    }
    data-old = {
      description = "The warehouse is true of a time more than ${var.freshness.age_minutes} minutes ago."
      namespace   = var.metrics_namespace
      metric      = "LagSeconds"
      dimensions  = { service = var.functions["load"].service }
      statistic   = "Minimum"
      threshold   = 60 * var.freshness.age_minutes
    }
    # A success may be a skipped execution, and who does not run reports no age.
    data-silent = {
      description = "Nothing has reached the warehouse for ${var.freshness.age_minutes} minutes."
      namespace   = var.metrics_namespace
      metric      = "LagSeconds"
      dimensions  = { service = var.functions["load"].service }
      statistic   = "SampleCount"
      comparison  = "LessThanThreshold"
      threshold   = 1
      seconds     = 60 * var.freshness.age_minutes
      missing     = "breaching"
    }
    quarantine = {
      description = "Rows could not enter the star. `totes quarantine list` says which, and why."
      namespace   = var.metrics_namespace
      metric      = "QuarantinedRows"
      dimensions  = { service = var.functions["process"].service }
      statistic   = "Maximum"
      threshold   = 0
      missing     = "ignore"
    }
    contract-broken = {
      description = "A source table is not what its contract says, and is left out. `totes status` says which."
      namespace   = var.metrics_namespace
      metric      = "ContractsBroken"
      dimensions  = { service = var.functions["ingest"].service }
      statistic   = "Maximum"
      threshold   = 0
      missing     = "ignore"
    }
  }

  alarms = merge(local.of_functions, local.of_executions, local.of_the_whole)
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = try(each.value.comparison, "GreaterThanThreshold")
  threshold           = each.value.threshold
  period              = try(each.value.seconds, 300)
  evaluation_periods  = try(each.value.periods, 1)
  treat_missing_data  = try(each.value.missing, "notBreaching")
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]
  tags                = var.tags
}
