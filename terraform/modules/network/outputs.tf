output "vpc_id" {
  description = "The VPC's id, to peer it with the databases'."
  value       = aws_vpc.this.id
}

output "route_table_id" {
  description = "The route table's id, for the routes to the databases."
  value       = aws_route_table.private.id
}

output "subnet_ids" {
  description = "The subnets' ids."
  value       = [for subnet in aws_subnet.private : subnet.id]
}

output "security_group_id" {
  description = "The id of the functions' security group, for the databases' to let in."
  value       = aws_security_group.functions.id
}
