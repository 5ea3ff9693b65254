# Who may do what, what is encrypted, and what a slip cannot delete.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "helm" {}

variables {
  region           = "eu-central-1"
  environment      = "production"
  domain           = "ragline.example.org"
  database         = { instance_class = "db.m7g.large", storage_gib = 100, max_storage_gib = 500, multi_az = true, backup_days = 14 }
  cache            = { node_type = "cache.t4g.small", nodes = 2 }
  kafka            = { instance_type = "kafka.m7g.large", brokers_per_zone = 1, storage_gib = 100 }
  services_nodes   = { instance_types = ["m7i.large"], min = 3, max = 6 }
  processing_nodes = { instance_types = ["m7i.large"], min = 0, max = 6, spot = true }
}

run "no_policy_allows_a_wildcard_action" {
  assert {
    condition = alltrue(flatten([
      for policy in concat(
        [for policy in aws_iam_policy.main : policy.policy],
        [for key in aws_kms_key.main : key.policy],
        [for bucket in aws_s3_bucket_policy.main : bucket.policy],
        [for role in aws_iam_role.main : role.assume_role_policy],
        [aws_secretsmanager_secret_policy.kafka.policy],
        ) : [
        for statement in jsondecode(policy).Statement : [
          for action in flatten([statement.Action]) : !strcontains(action, "*")
        ] if statement.Effect == "Allow"
      ]
    ]))
    error_message = "A policy allows a wildcard action."
  }

  assert {
    condition     = length(aws_iam_policy.main) >= 6
    error_message = "The policies are not where this test looks."
  }
}

run "any_resource_is_allowed_for_reads_alone" {
  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_policy.main : [
        for statement in jsondecode(policy.policy).Statement : [
          for action in flatten([statement.Action]) : can(regex("^[a-z0-9]+:(Describe|Get)", action))
        ] if contains(flatten([statement.Resource]), "*")
      ]
    ]))
    error_message = "A policy may change any resource."
  }
}

run "a_process_gets_the_files_that_it_needs" {
  assert {
    condition = (
      toset(local.roles.gateway.policies) == toset(["read-files", "write-files"]) &&
      toset(local.roles.parser.policies) == toset(["read-files", "write-files"]) &&
      toset(local.roles.chunker.policies) == toset(["read-files"]) &&
      toset(local.roles.responder.policies) == toset(["read-files"]) &&
      !contains(keys(local.roles), "embedder")
    )
    error_message = "A process may do more with files than its work is."
  }

  assert {
    condition = alltrue([
      for name in ["gateway", "parser", "chunker", "responder"] :
      aws_eks_pod_identity_association.main[name].service_account == "ragline-${name}" &&
      aws_eks_pod_identity_association.main[name].namespace == var.namespace
    ])
    error_message = "A role is bound to another account than the chart makes."
  }

  assert {
    condition     = aws_launch_template.nodes.metadata_options[0].http_tokens == "required" && aws_launch_template.nodes.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "A pod could take on the role of its node."
  }
}

run "everything_is_encrypted_at_rest" {
  assert {
    condition = (
      aws_db_instance.main.storage_encrypted && aws_db_instance.main.kms_key_id != null &&
      aws_elasticache_replication_group.main.at_rest_encryption_enabled && aws_elasticache_replication_group.main.kms_key_id != null &&
      aws_msk_cluster.main.encryption_info[0].encryption_at_rest_kms_key_arn != null &&
      one(aws_ecr_repository.main.encryption_configuration).encryption_type == "KMS" &&
      one(aws_eks_cluster.main.encryption_config[0].resources) == "secrets" &&
      aws_launch_template.nodes.block_device_mappings[0].ebs[0].encrypted == "true" &&
      aws_sns_topic.alarms.kms_master_key_id != null
    )
    error_message = "Something is kept in the clear."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.main["documents"].rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "Documents are not encrypted with the project's own key."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.main : group.kms_key_id != null])
    error_message = "A log group is not encrypted with the project's own key."
  }

  assert {
    condition     = alltrue([for key in aws_kms_key.main : key.enable_key_rotation])
    error_message = "A key is never rotated."
  }
}

run "tls_is_forced_everywhere" {
  assert {
    condition     = contains([for parameter in aws_db_parameter_group.main.parameter : "${parameter.name}=${parameter.value}"], "rds.force_ssl=1")
    error_message = "PostgreSQL takes connections in the clear."
  }

  assert {
    condition = (
      aws_msk_cluster.main.encryption_info[0].encryption_in_transit[0].client_broker == "TLS" &&
      aws_msk_cluster.main.encryption_info[0].encryption_in_transit[0].in_cluster &&
      aws_msk_cluster.main.client_authentication[0].sasl[0].scram &&
      !aws_msk_cluster.main.client_authentication[0].unauthenticated
    )
    error_message = "Kafka takes connections in the clear or from anybody."
  }

  assert {
    condition     = aws_elasticache_replication_group.main.transit_encryption_enabled && aws_elasticache_replication_group.main.transit_encryption_mode == "required"
    error_message = "Valkey takes connections in the clear."
  }

  assert {
    condition = alltrue([
      for bucket in aws_s3_bucket_policy.main : contains(
        [for statement in jsondecode(bucket.policy).Statement : statement.Condition.Bool["aws:SecureTransport"] if statement.Effect == "Deny"], "false"
      )
    ])
    error_message = "S3 takes requests in the clear."
  }

  assert {
    condition     = yamldecode(output.chart_values).config.KAFKA_SECURITY_PROTOCOL == "SASL_SSL"
    error_message = "The processes speak to Kafka in the clear."
  }
}

run "no_bucket_is_public" {
  assert {
    condition = alltrue([
      for block in aws_s3_bucket_public_access_block.main :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ]) && length(aws_s3_bucket_public_access_block.main) == length(aws_s3_bucket.main)
    error_message = "A bucket could be made public."
  }
}

run "production_cannot_be_deleted_by_a_slip" {
  assert {
    condition = (
      aws_db_instance.main.deletion_protection && !aws_db_instance.main.skip_final_snapshot && !aws_db_instance.main.delete_automated_backups &&
      aws_eks_cluster.main.deletion_protection && aws_lb.main.enable_deletion_protection && !aws_ecr_repository.main.force_delete &&
      alltrue([for bucket in aws_s3_bucket.main : !bucket.force_destroy]) &&
      alltrue([for secret in aws_secretsmanager_secret.main : secret.recovery_window_in_days == 30])
    )
    error_message = "One command could delete production."
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket_versioning.main : bucket.versioning_configuration[0].status == "Enabled"])
    error_message = "A file that is overwritten is gone at once."
  }
}

run "staging_can_be_taken_down" {
  variables {
    environment = "staging"
  }

  assert {
    condition     = !aws_db_instance.main.deletion_protection && aws_db_instance.main.skip_final_snapshot && !aws_lb.main.enable_deletion_protection
    error_message = "Staging cannot be destroyed in one go."
  }
}

run "only_known_environments" {
  command = plan

  variables {
    environment = "prod"
  }

  expect_failures = [var.environment]
}
