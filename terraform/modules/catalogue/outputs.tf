output "workgroup" {
  description = "The workgroup's name."
  value       = aws_athena_workgroup.this.name
}

output "databases" {
  description = "The databases' names, by lake."
  value       = { for lake, database in aws_glue_catalog_database.this : lake => database.name }
}

output "results_bucket" {
  description = "The name of the bucket for answers."
  value       = module.results.name
}
