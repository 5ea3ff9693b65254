# What ragline needs of its servers, and what its chart is told.

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

run "kafka_keeps_offsets_for_90_days_and_makes_no_topic_by_itself" {
  assert {
    condition = length(setsubtract(
      ["offsets.retention.minutes=129600", "auto.create.topics.enable=false", "min.insync.replicas=2", "default.replication.factor=3", "unclean.leader.election.enable=false"],
      split("\n", aws_msk_configuration.main.server_properties),
    )) == 0
    error_message = "Kafka's configuration lacks what ragline relies on: ${aws_msk_configuration.main.server_properties}"
  }
}

run "two_brokers_go_on_when_one_is_away" {
  variables {
    availability_zones = 2
  }

  assert {
    condition     = contains(split("\n", aws_msk_configuration.main.server_properties), "min.insync.replicas=1") && yamldecode(output.chart_values).config.KAFKA_REPLICATION == 2
    error_message = "With two brokers, the loss of one must not stop writing."
  }
}

run "old_postgresql_is_refused" {
  command = plan

  variables {
    postgres_version = "15"
  }

  expect_failures = [var.postgres_version]
}

run "a_rollback_belongs_to_helm" {
  assert {
    condition     = !contains([for release in helm_release.platform : release.chart], "ragline")
    error_message = "Two tools would own one release."
  }

  assert {
    condition     = alltrue([for release in helm_release.platform : can(regex("^v?\\d+\\.\\d+\\.\\d+$", release.version))])
    error_message = "A chart is installed in whatever version is newest."
  }
}

run "the_chart_is_told_where_everything_is" {
  assert {
    condition = (
      yamldecode(output.chart_values).image.repository == aws_ecr_repository.main.repository_url &&
      yamldecode(output.chart_values).config.BLOB_URL == "s3://ragline-production-documents-123456789012/ragline" &&
      yamldecode(output.chart_values).config.KAFKA_BOOTSTRAP_SERVERS == aws_msk_cluster.main.bootstrap_brokers_sasl_scram &&
      yamldecode(output.chart_values).config.ENVIRONMENT == "production" &&
      yamldecode(output.chart_values).ingress.host == "ragline.example.org"
    )
    error_message = "The chart is told something else than what is there."
  }

  assert {
    condition = alltrue([
      for word in ["PASSWORD", "API_KEY", "JWT_SECRET", "DATABASE_URL"] : !strcontains(output.chart_values, word)
    ])
    error_message = "A secret is among the values of the chart."
  }
}

run "a_group_of_nodes_can_come_back_from_zero" {
  assert {
    condition = (
      aws_eks_node_group.processing.scaling_config[0].min_size == 0 &&
      one(aws_autoscaling_group_tag.processing["k8s.io/cluster-autoscaler/node-template/label/ragline/nodes"].tag).value == aws_eks_node_group.processing.labels["ragline/nodes"]
    )
    error_message = "The autoscaler cannot know that the missing nodes would do."
  }
}

run "processing_nodes_take_documents_and_nothing_else" {
  assert {
    condition = (
      one(aws_eks_node_group.processing.taint).effect == "NO_SCHEDULE" &&
      length(aws_eks_node_group.services.taint) == 0 &&
      alltrue([
        for worker in ["parser", "chunker", "embedder"] :
        yamldecode(output.chart_values).workers[worker].nodeSelector["ragline/nodes"] == "processing" &&
        yamldecode(output.chart_values).workers[worker].tolerations[0].key == one(aws_eks_node_group.processing.taint).key
      ])
    )
    error_message = "The ingress controller could be on a node that the load balancer does not know."
  }

  assert {
    condition     = aws_autoscaling_group_tag.processing["k8s.io/cluster-autoscaler/node-template/taint/ragline/nodes"].tag[0].value == "processing:NoSchedule"
    error_message = "The autoscaler does not know of the taint of the missing nodes."
  }
}
