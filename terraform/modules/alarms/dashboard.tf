data "aws_region" "current" {}

locals {
  # Titles, and below each the metrics of its graph, as [namespace, metric, dimension, value, options].
  graphs = [
    {
      title = "Lag: how old the warehouse's data is (s)"
      stat  = "Maximum"
      lines = [[var.metrics_namespace, "LagSeconds", "service", var.functions["load"].service, { label = "lag" }]]
      limit = { label = "alarm", value = 60 * var.freshness.age_minutes }
    },
    {
      title = "Rows changed"
      stat  = "Sum"
      lines = [for stage, f in var.functions : [var.metrics_namespace, "RowsChanged", "service", f.service, { label = stage }]]
    },
    {
      title = "Duration of functions (ms)"
      stat  = "Maximum"
      lines = [for stage, f in var.functions : ["AWS/Lambda", "Duration", "FunctionName", f.name, { label = stage }]]
    },
    {
      title = "Errors and throttles of functions"
      stat  = "Sum"
      lines = flatten([
        for stage, f in var.functions : [
          for metric in ["Errors", "Throttles"] :
          { line = ["AWS/Lambda", metric, "FunctionName", f.name, { label = "${stage} ${lower(metric)}" }] }
        ]
      ])[*].line
    },
    {
      title = "Executions"
      stat  = "Sum"
      lines = [
        for outcome in ["Succeeded", "Failed", "TimedOut", "Aborted"] :
        ["AWS/States", "Executions${outcome}", "StateMachineArn", var.state_machine_arn, { label = lower(outcome) }]
      ]
    },
    {
      title = "Batches"
      stat  = "Sum"
      lines = [for stage, f in var.functions : [var.metrics_namespace, "Batches", "service", f.service, { label = stage }]]
    },
    {
      title = "Rows in quarantine, contracts broken"
      stat  = "Maximum"
      lines = [
        [var.metrics_namespace, "QuarantinedRows", "service", var.functions["process"].service, { label = "rows in quarantine" }],
        [var.metrics_namespace, "ContractsBroken", "service", var.functions["ingest"].service, { label = "contracts broken" }],
      ]
    },
  ]

  widgets = [
    for index, graph in local.graphs : {
      type   = "metric"
      x      = 12 * (index % 2)
      y      = 3 + 6 * floor(index / 2)
      width  = 12
      height = 6
      properties = {
        title       = graph.title
        view        = "timeSeries"
        region      = data.aws_region.current.name
        stat        = graph.stat
        period      = 60
        metrics     = graph.lines
        yAxis       = { left = { min = 0 } }
        annotations = { horizontal = try([graph.limit], []) }
      }
    }
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type   = "alarm"
        x      = 0
        y      = 0
        width  = 24
        height = 3
        properties = {
          title  = "Alarms"
          alarms = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn]
        }
      }],
      local.widgets,
    )
  })
}
