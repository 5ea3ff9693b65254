# What AWS would answer. The real provider checks that an ARN looks like one, so these do.

mock_data "aws_availability_zones" {
  defaults = {
    names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  }
}

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "123456789012"
  }
}

mock_data "aws_partition" {
  defaults = {
    partition = "aws"
  }
}

mock_resource "aws_kms_key" {
  defaults = {
    arn    = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    key_id = "11111111-2222-3333-4444-555555555555"
  }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn = "arn:aws:iam::123456789012:role/mocked"
  }
}

mock_resource "aws_iam_policy" {
  defaults = {
    arn = "arn:aws:iam::123456789012:policy/mocked"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mocked"
  }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = {
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mocked-AbCdEf"
  }
}

mock_resource "aws_sns_topic" {
  defaults = {
    arn = "arn:aws:sns:eu-central-1:123456789012:mocked"
  }
}

mock_resource "aws_lb" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/mocked/1234567890abcdef"
    arn_suffix = "net/mocked/1234567890abcdef"
    dns_name   = "mocked.elb.eu-central-1.amazonaws.com"
  }
}

mock_resource "aws_lb_target_group" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/mocked/1234567890abcdef"
    arn_suffix = "targetgroup/mocked/1234567890abcdef"
  }
}

mock_resource "aws_msk_configuration" {
  defaults = {
    arn             = "arn:aws:kafka:eu-central-1:123456789012:configuration/mocked/11111111-2222-3333-4444-555555555555-1"
    latest_revision = 1
  }
}

mock_resource "aws_msk_cluster" {
  defaults = {
    arn                          = "arn:aws:kafka:eu-central-1:123456789012:cluster/mocked/11111111-2222-3333-4444-555555555555-1"
    bootstrap_brokers_sasl_scram = "b-1.mocked.kafka.eu-central-1.amazonaws.com:9096,b-2.mocked.kafka.eu-central-1.amazonaws.com:9096"
  }
}

mock_resource "aws_eks_cluster" {
  defaults = {
    arn                   = "arn:aws:eks:eu-central-1:123456789012:cluster/mocked"
    endpoint              = "https://mocked.eks.amazonaws.com"
    certificate_authority = [{ data = "bW9ja2Vk" }]
  }
}

mock_resource "aws_eks_node_group" {
  defaults = {
    resources = [{ autoscaling_groups = [{ name = "eks-mocked" }], remote_access_security_group_id = "" }]
  }
}

mock_resource "aws_launch_template" {
  defaults = {
    id             = "lt-0123456789abcdef0"
    latest_version = 1
  }
}

mock_resource "aws_db_instance" {
  defaults = {
    arn     = "arn:aws:rds:eu-central-1:123456789012:db:mocked"
    address = "mocked.rds.amazonaws.com"
    master_user_secret = [{
      kms_key_id    = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
      secret_arn    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-mocked-AbCdEf"
      secret_status = "active"
    }]
  }
}
