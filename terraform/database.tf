# PostgreSQL with pgvector, and Valkey for the rate limits that gateways share.

resource "aws_db_subnet_group" "main" {
  name       = local.name
  subnet_ids = local.isolated_subnet_ids
}

resource "aws_db_parameter_group" "main" {
  name_prefix = "${local.name}-"
  family      = "postgres${var.postgres_version}"
  description = "TLS forced; slow statements logged without their values."

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  parameter { # values are texts of documents
    name  = "log_parameter_max_length"
    value = "0"
  }

  parameter {
    name  = "log_parameter_max_length_on_error"
    value = "0"
  }

  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "main" {
  identifier     = local.name
  engine         = "postgres"
  engine_version = var.postgres_version
  instance_class = var.database.instance_class

  db_name  = "ragline"
  username = "ragline_owner"
  port     = 5432

  # Made and rotated by RDS in Secrets Manager: it is in no state file.
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = aws_kms_key.main["database"].arn
  iam_database_authentication_enabled = true

  storage_type          = "gp3"
  allocated_storage     = var.database.storage_gib
  max_allocated_storage = var.database.max_storage_gib
  storage_encrypted     = true
  kms_key_id            = aws_kms_key.main["database"].arn

  multi_az               = var.database.multi_az
  db_subnet_group_name   = aws_db_subnet_group.main.name
  vpc_security_group_ids = [aws_security_group.database.id]
  publicly_accessible    = false
  parameter_group_name   = aws_db_parameter_group.main.name
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  backup_retention_period    = var.database.backup_days
  backup_window              = "02:00-03:00"
  maintenance_window         = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot      = true
  delete_automated_backups   = !local.is_protected
  deletion_protection        = local.is_protected
  skip_final_snapshot        = !local.is_protected
  final_snapshot_identifier  = "${local.name}-final"
  auto_minor_version_upgrade = true

  enabled_cloudwatch_logs_exports       = ["postgresql", "upgrade"]
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = aws_kms_key.main["database"].arn
  performance_insights_retention_period = 7
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.main["database-monitoring"].arn

  depends_on = [aws_cloudwatch_log_group.main]
}

# --- Valkey
resource "aws_elasticache_subnet_group" "main" {
  name       = local.name
  subnet_ids = local.isolated_subnet_ids
}

resource "aws_elasticache_replication_group" "main" {
  # checkov:skip=CKV_AWS_31: environment-setup.sh sets the token, so that it is in no state file
  # checkov:skip=CKV2_AWS_50: it follows the number of nodes; the small size has one
  replication_group_id = local.name
  description          = "Rate limits that the gateways of ${local.name} share."
  engine               = "valkey"
  engine_version       = "8.0"
  parameter_group_name = "default.valkey8"
  node_type            = var.cache.node_type
  num_cache_clusters   = var.cache.nodes
  port                 = 6379

  multi_az_enabled           = var.cache.nodes > 1
  automatic_failover_enabled = var.cache.nodes > 1
  subnet_group_name          = aws_elasticache_subnet_group.main.name
  security_group_ids         = [aws_security_group.cache.id]

  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.main["database"].arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"

  snapshot_retention_limit   = 0 # counters of minutes: nothing to restore
  auto_minor_version_upgrade = true

  # deployment/environment-setup.sh sets it, so that it is in no state file.
  lifecycle {
    ignore_changes = [auth_token, auth_token_update_strategy]
  }
}
