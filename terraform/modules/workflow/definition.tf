# The state machine, in the Amazon States Language. What each stage returns is kept under its name,
# so that a later one can tell how old the data is:
#
#   Ingest ──► Process ──► Load
#     │ busy      └───┬─────┘
#     ▼               ▼ any error, after its retries
#   Skipped      …Failed ► Explain ► … ► Notify ► Failed

locals {
  stages = ["ingest", "process", "load"]

  # What passes by itself, by the name of the error. Waits are random up to their length, so that
  # two executions that fell over the same thing do not fall over it again together.
  transient = {
    ErrorEquals     = ["TransientError", "TakenError"]
    IntervalSeconds = 5
    BackoffRate     = 2
    MaxAttempts     = 4
    MaxDelaySeconds = 60
    JitterStrategy  = "FULL"
  }
  service = {
    ErrorEquals = [
      "Lambda.ServiceException",
      "Lambda.AWSLambdaException",
      "Lambda.SdkClientException",
      "Lambda.ClientExecutionTimeoutException",
    ]
    IntervalSeconds = 2
    BackoffRate     = 2
    MaxAttempts     = 5
    MaxDelaySeconds = 30
    JitterStrategy  = "FULL"
  }
  busy = {
    ErrorEquals     = ["Lambda.TooManyRequestsException"]
    IntervalSeconds = 2
    BackoffRate     = 2
    MaxDelaySeconds = 30
    JitterStrategy  = "FULL"
  }

  tasks = {
    for index, stage in local.stages : title(stage) => merge(
      {
        Type       = "Task"
        Resource   = var.functions[stage]
        ResultPath = "$.${stage}"
        Retry = [
          local.transient,
          local.service,
          # An execution that meets another at work in the first stage need not wait: the other
          # does its work. Past that stage it has work of its own to hand on.
          merge(local.busy, { MaxAttempts = index == 0 ? 2 : 6 }),
        ]
        Catch = concat(
          index == 0 ? [{ ErrorEquals = local.busy.ErrorEquals, ResultPath = "$.skipped", Next = "Skipped" }] : [],
          [{ ErrorEquals = ["States.ALL"], ResultPath = "$.failure", Next = "${title(stage)}Failed" }],
        )
      },
      index == 2 ? { End = true } : { Next = title(local.stages[index + 1]) },
    )
  }

  failures = {
    for stage in local.stages : "${title(stage)}Failed" => {
      Type       = "Pass"
      Result     = stage
      ResultPath = "$.stage"
      Next       = "Explain"
    }
  }

  # A function's error comes as JSON, a service's as text, a timeout's not at all. Reading JSON that
  # is none would end the execution before anybody is told.
  explanations = {
    Explain = {
      Type = "Choice"
      Choices = [
        {
          And = [
            { Variable = "$.failure.Cause", IsPresent = true },
            { Variable = "$.failure.Cause", StringMatches = "{*\"errorMessage\":*}" },
          ]
          Next = "ExplainByFunction"
        },
        { Variable = "$.failure.Cause", IsPresent = true, Next = "ExplainByService" },
      ]
      Default = "ExplainByName"
    }
    ExplainByFunction = {
      Type = "Pass"
      Parameters = {
        "error.$"  = "$.failure.Error"
        "detail.$" = "States.StringToJson($.failure.Cause)"
      }
      ResultPath = "$.failure"
      Next       = "Notify"
    }
    ExplainByService = {
      Type = "Pass"
      Parameters = {
        "error.$" = "$.failure.Error"
        detail    = { "errorMessage.$" = "$.failure.Cause" }
      }
      ResultPath = "$.failure"
      Next       = "Notify"
    }
    ExplainByName = {
      Type = "Pass"
      Parameters = {
        "error.$" = "$.failure.Error"
        detail    = { errorMessage = "no more is known; see the function's log" }
      }
      ResultPath = "$.failure"
      Next       = "Notify"
    }
  }

  message = join("\n", [
    "The stage {} of ${var.name} failed.",
    "",
    "Error: {}",
    "Message: {}",
    "Execution: {}",
    "https://${data.aws_region.current.name}.console.aws.amazon.com/states/home?region=${data.aws_region.current.name}#/v2/executions/details/{}",
    "",
    "Nothing is lost: the next run takes up all that is pending.",
  ])

  endings = {
    Notify = {
      Type     = "Task"
      Resource = "arn:${data.aws_partition.current.partition}:states:::sns:publish"
      Parameters = {
        TopicArn    = var.topic_arn
        "Subject.$" = "States.Format('${var.name}: {} failed', $.stage)"
        "Message.$" = "States.Format('${replace(local.message, "'", "\\'")}', $.stage, $.failure.error, $.failure.detail.errorMessage, $$.Execution.Name, $$.Execution.Id)"
      }
      ResultPath = null
      Retry      = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 2, BackoffRate = 2, MaxAttempts = 4 }]
      Next       = "Failed"
    }
    Failed = {
      Type      = "Fail"
      ErrorPath = "$.failure.error"
      CausePath = "$.failure.detail.errorMessage"
    }
    Skipped = {
      Type    = "Succeed"
      Comment = "Another execution is at work in the first stage; it, or the next tick, does it all."
    }
  }

  definition = {
    Comment        = "Rows out of the source, into the stars, into the warehouse"
    StartAt        = title(local.stages[0])
    TimeoutSeconds = var.timeout_seconds
    States         = merge(local.tasks, local.failures, local.explanations, local.endings)
  }
}
