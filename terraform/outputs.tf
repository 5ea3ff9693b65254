# What deployment/*.sh reads. None of it is secret.

output "region" {
  description = "Region of everything."
  value       = var.region
}

output "environment" {
  description = "ENVIRONMENT of the processes; names the file of values."
  value       = var.environment
}

output "namespace" {
  description = "Namespace that the roles of the pods are bound to."
  value       = var.namespace
}

output "domain" {
  description = "Host name of the API."
  value       = var.domain
}

output "cluster" {
  description = "Name of the cluster, for `aws eks update-kubeconfig`."
  value       = aws_eks_cluster.main.name
}

output "image_repository" {
  description = "Where images are pushed to."
  value       = aws_ecr_repository.main.repository_url
}

output "load_balancer" {
  description = "Name that the domain must point to (CNAME) where hosted_zone_id is null."
  value       = aws_lb.main.dns_name
}

output "chart_values" {
  description = "Values of ragline's chart that follow from all this."
  value       = yamlencode(local.chart_values)
}

output "secrets" {
  description = "Names of the secrets, for deployment/environment-setup.sh."
  value = merge(
    { for name, secret in aws_secretsmanager_secret.main : name => secret.name },
    { database = aws_db_instance.main.master_user_secret[0].secret_arn },
  )
}

output "database" {
  description = "Address of PostgreSQL."
  value = {
    host = aws_db_instance.main.address
    port = aws_db_instance.main.port
    name = aws_db_instance.main.db_name
  }
}

output "kafka" {
  description = "ARN of the cluster, for its users."
  value       = aws_msk_cluster.main.arn
}

output "cache" {
  description = "Valkey: its id, for its token, and its address."
  value = {
    id   = aws_elasticache_replication_group.main.replication_group_id
    host = aws_elasticache_replication_group.main.primary_endpoint_address
  }
}
