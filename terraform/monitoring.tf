# Metrics by Prometheus in the cluster (the chart brings dashboards and rules), logs and the alarms of
# AWS's own services in CloudWatch.

# --- logs
locals {
  log_groups = {
    cluster    = "/aws/eks/${local.name}/cluster"
    flow       = "/ragline/${var.environment}/flow"
    kafka      = "/ragline/${var.environment}/kafka"
    pods       = "/ragline/${var.environment}/pods"
    postgresql = "/aws/rds/instance/${local.name}/postgresql"
    upgrade    = "/aws/rds/instance/${local.name}/upgrade"
  }
}

resource "aws_cloudwatch_log_group" "main" {
  for_each = local.log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.main["logs"].arn
}

locals {
  fluent_bit = {
    repository = "https://aws.github.io/eks-charts"
    chart      = "aws-for-fluent-bit"
    namespace  = "logging"
    values = {
      serviceAccount = { name = "fluent-bit" }
      tolerations    = [{ operator = "Exists" }] # on every node
      cloudWatchLogs = {
        enabled         = true
        region          = var.region
        logGroupName    = local.log_groups.pods
        autoCreateGroup = false
      }
    }
  }

  prometheus = {
    repository = "https://prometheus-community.github.io/helm-charts"
    chart      = "kube-prometheus-stack"
    namespace  = "monitoring"
    values = {
      # Whatever ServiceMonitor or rule there is in any namespace is taken.
      prometheus = {
        prometheusSpec = {
          retention                               = "30d"
          serviceMonitorSelectorNilUsesHelmValues = false
          ruleSelectorNilUsesHelmValues           = false
          storageSpec = {
            volumeClaimTemplate = {
              spec = { accessModes = ["ReadWriteOnce"], resources = { requests = { storage = "50Gi" } } }
            }
          }
        }
      }
      grafana = { sidecar = { dashboards = { enabled = true, searchNamespace = "ALL" } } }
    }
  }
}

# --- alarms
resource "aws_sns_topic" "alarms" {
  name              = "${local.name}-alarms"
  kms_master_key_id = aws_kms_key.main["alarms"].arn
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

locals {
  database = { DBInstanceIdentifier = aws_db_instance.main.identifier }
  kafka    = { "Cluster Name" = aws_msk_cluster.main.cluster_name }

  alarms = {
    database-cpu = {
      description = "PostgreSQL has used over 80 % of its CPU for 15 minutes."
      namespace   = "AWS/RDS", metric = "CPUUtilization", statistic = "Average"
      dimensions  = local.database, above = true, threshold = 80
    }
    database-storage = {
      description = "PostgreSQL has less than 10 GiB left, and could not grow."
      namespace   = "AWS/RDS", metric = "FreeStorageSpace", statistic = "Minimum"
      dimensions  = local.database, above = false, threshold = 10 * 1024 * 1024 * 1024
    }
    database-memory = {
      description = "PostgreSQL has less than 256 MiB of memory left."
      namespace   = "AWS/RDS", metric = "FreeableMemory", statistic = "Minimum"
      dimensions  = local.database, above = false, threshold = 256 * 1024 * 1024
    }
    kafka-disk = {
      description = "A broker's disk is over 85 % full."
      namespace   = "AWS/Kafka", metric = "KafkaDataLogsDiskUsed", statistic = "Maximum"
      dimensions  = local.kafka, above = true, threshold = 85
    }
    kafka-offline-partitions = {
      description = "Partitions of Kafka have no leader: their records wait."
      namespace   = "AWS/Kafka", metric = "OfflinePartitionsCount", statistic = "Maximum"
      dimensions  = local.kafka, above = true, threshold = 0
    }
    load-balancer-unhealthy = {
      description = "No node takes requests from the load balancer."
      namespace   = "AWS/NetworkELB", metric = "HealthyHostCount", statistic = "Minimum"
      above       = false, threshold = 1
      dimensions = {
        LoadBalancer = aws_lb.main.arn_suffix
        TargetGroup  = aws_lb_target_group.main["https"].arn_suffix
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "main" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  dimensions          = each.value.dimensions
  comparison_operator = each.value.above ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 3
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
