output "totes" {
  description = "All that the configuration tells."
  value       = module.totes
}
