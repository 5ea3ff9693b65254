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

# Scalars, so that a shell script reads them without a JSON parser.
output "secret_application" {
  description = "Secret of JWT_SECRET, the database login's password and Valkey's token."
  value       = aws_secretsmanager_secret.main["application"].name
}

output "secret_providers" {
  description = "Secret of the providers' keys."
  value       = aws_secretsmanager_secret.main["providers"].name
}

output "secret_kafka" {
  description = "Secret of Kafka's user."
  value       = aws_secretsmanager_secret.main["kafka"].name
}

output "secret_kafka_arn" {
  description = "The same, as MSK wants it."
  value       = aws_secretsmanager_secret.main["kafka"].arn
}

output "secret_database" {
  description = "Secret of the owner of the database, made and rotated by RDS."
  value       = aws_db_instance.main.master_user_secret[0].secret_arn
}

output "database_host" {
  description = "Address of PostgreSQL."
  value       = aws_db_instance.main.address
}

output "database_name" {
  description = "Name of the database."
  value       = aws_db_instance.main.db_name
}

output "kafka_arn" {
  description = "ARN of the cluster, for its users."
  value       = aws_msk_cluster.main.arn
}

output "cache_id" {
  description = "Id of Valkey, for its token."
  value       = aws_elasticache_replication_group.main.replication_group_id
}

output "cache_host" {
  description = "Address of Valkey."
  value       = aws_elasticache_replication_group.main.primary_endpoint_address
}
