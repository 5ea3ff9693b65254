# Where uploads go: files to S3, events to Kafka.

# --- S3: the documents, and a bucket for the log of who read them
locals {
  buckets = {
    documents = "${local.name}-documents-${local.account}"
    access    = "${local.name}-access-${local.account}"
  }
}

resource "aws_s3_bucket" "main" {
  # checkov:skip=CKV2_AWS_62: nobody waits for events of S3; uploads are announced over Kafka
  # checkov:skip=CKV_AWS_144: documents stay in one region unless you decide otherwise (docs/how-to/recover-from-disaster.md)
  # checkov:skip=CKV_AWS_145: S3 delivers access logs only to buckets with keys of its own; documents have ours
  for_each = local.buckets

  bucket        = each.value
  force_destroy = !local.is_protected
}

resource "aws_s3_bucket_public_access_block" "main" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.main[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "main" {
  for_each = local.buckets

  bucket = aws_s3_bucket.main[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "main" {
  for_each = local.buckets

  bucket = aws_s3_bucket.main[each.key].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      # S3 delivers access logs only to buckets with its own keys.
      sse_algorithm     = each.key == "access" ? "AES256" : "aws:kms"
      kms_master_key_id = each.key == "access" ? null : aws_kms_key.main["documents"].arn
    }
  }
}

resource "aws_s3_bucket_versioning" "main" {
  for_each = local.buckets

  bucket = aws_s3_bucket.main[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "main" {
  # checkov:skip=CKV_AWS_300: the first rule ends unfinished uploads after a day; dynamic rules hide it from this check
  for_each = local.buckets

  bucket = aws_s3_bucket.main[each.key].id

  rule {
    id     = "forget-what-was-deleted"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.deleted_files_days
    }

    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  dynamic "rule" {
    for_each = each.key == "access" ? [var.log_retention_days] : []

    content {
      id     = "forget-old-logs"
      status = "Enabled"
      filter {}

      expiration {
        days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "documents" ? [30] : []

    content {
      id     = "cheaper-when-old" # read again only for a download, a new index or a replay
      status = "Enabled"
      filter {}

      transition {
        days          = rule.value
        storage_class = "INTELLIGENT_TIERING"
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.main]
}

resource "aws_s3_bucket_policy" "main" {
  for_each = local.buckets

  bucket = aws_s3_bucket.main[each.key].id
  policy = jsonencode(local.bucket_policies[each.key])

  depends_on = [aws_s3_bucket_public_access_block.main]
}

resource "aws_s3_bucket_logging" "documents" {
  bucket        = aws_s3_bucket.main["documents"].id
  target_bucket = aws_s3_bucket.main["access"].id
  target_prefix = "documents/"
}

# --- MSK
resource "aws_msk_configuration" "main" {
  name           = "${local.name}-${replace(var.kafka_version, ".", "-")}"
  kafka_versions = [var.kafka_version]

  # Topics are made by `ragline topics apply` and never by a consumer. A group that was scaled to zero
  # keeps its offsets for 90 days; after that its worker would begin from the start of its topic.
  server_properties = join("\n", [
    for name, value in local.kafka_properties : "${name}=${value}"
  ])

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  kafka_brokers = var.kafka.brokers_per_zone * var.availability_zones

  kafka_properties = {
    "auto.create.topics.enable"                = "false"
    "default.replication.factor"               = min(3, local.kafka_brokers)
    "min.insync.replicas"                      = min(2, local.kafka_brokers - 1)
    "num.partitions"                           = 6
    "offsets.retention.minutes"                = 90 * 24 * 60
    "offsets.topic.replication.factor"         = min(3, local.kafka_brokers)
    "transaction.state.log.replication.factor" = min(3, local.kafka_brokers)
    "transaction.state.log.min.isr"            = min(2, local.kafka_brokers - 1)
    "unclean.leader.election.enable"           = "false"
  }
}

resource "aws_msk_cluster" "main" {
  cluster_name           = local.name
  kafka_version          = var.kafka_version
  number_of_broker_nodes = local.kafka_brokers
  enhanced_monitoring    = "DEFAULT" # the others cost per metric; ragline has metrics of its own topics

  broker_node_group_info {
    instance_type   = var.kafka.instance_type
    client_subnets  = local.isolated_subnet_ids
    security_groups = [aws_security_group.kafka.id]

    connectivity_info {
      public_access {
        type = "DISABLED"
      }
    }

    storage_info {
      ebs_storage_info {
        volume_size = var.kafka.storage_gib
      }
    }
  }

  client_authentication {
    unauthenticated = false

    sasl {
      scram = true
      iam   = false
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = aws_kms_key.main["kafka"].arn

    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.main.arn
    revision = aws_msk_configuration.main.latest_revision
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.main["kafka"].name
      }
    }
  }

  lifecycle {
    ignore_changes = [broker_node_group_info[0].storage_info] # autoscaling grows it
  }
}

resource "aws_appautoscaling_target" "kafka_storage" {
  service_namespace  = "kafka"
  resource_id        = aws_msk_cluster.main.arn
  scalable_dimension = "kafka:broker-storage:VolumeSize"
  min_capacity       = 1
  max_capacity       = var.kafka.storage_gib * 4
}

resource "aws_appautoscaling_policy" "kafka_storage" {
  name               = "${local.name}-kafka-storage"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.kafka_storage.service_namespace
  resource_id        = aws_appautoscaling_target.kafka_storage.resource_id
  scalable_dimension = aws_appautoscaling_target.kafka_storage.scalable_dimension

  target_tracking_scaling_policy_configuration {
    disable_scale_in = true # a volume never shrinks
    target_value     = 70

    predefined_metric_specification {
      predefined_metric_type = "KafkaBrokerStorageUtilization"
    }
  }
}
